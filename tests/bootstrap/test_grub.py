"""GRUB's fallback: the number of Linux's entry, counted in the menu while update-grub writes it."""

import subprocess
from pathlib import Path

from xeninstall.bootstrap.grub import fallback

_LINUX = "gnulinux-simple-7a6b"
_MENU = """set timeout=1
menuentry 'Something first' --class other $menuentry_id_option 'first' {
\techo
}
submenu 'And a submenu' $menuentry_id_option 'sub' {
\tmenuentry 'nested' $menuentry_id_option 'nested' {
\t}
}
menuentry 'GNU/Linux' --class gnu-linux $menuentry_id_option 'gnulinux-simple-7a6b' {
\tlinux /boot/vmlinuz
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-7a6b' {
\tmenuentry 'GNU/Linux, with Linux 6' $menuentry_id_option 'gnulinux-6-advanced-7a6b' {
\t}
}
"""


def _run(menu: Path, entry: str = _LINUX) -> str:
    """As grub-mkconfig runs it, with the growing menu as its output."""
    script = menu.with_name("script")
    script.write_text(fallback(entry).text)
    before = menu.read_text()
    with menu.open("a") as out:
        subprocess.run(["sh", script], stdout=out, check=True)
    return menu.read_text().removeprefix(before)


def test_the_fallback_is_the_number_of_the_entry(tmp_path: Path) -> None:
    menu = tmp_path / "grub.cfg.new"
    menu.write_text(_MENU)
    assert _run(menu) == "set fallback=2\n"


def test_the_first_entry_has_the_number_zero(tmp_path: Path) -> None:
    menu = tmp_path / "grub.cfg.new"
    menu.write_text(_MENU[_MENU.index("menuentry 'GNU/Linux'") :])
    assert _run(menu) == "set fallback=0\n"


def test_an_entry_that_is_not_there_is_no_fallback(tmp_path: Path) -> None:
    menu = tmp_path / "grub.cfg.new"
    menu.write_text(_MENU)
    assert _run(menu, "gnulinux-simple-7a") == ""


def test_a_menu_that_goes_elsewhere_than_into_a_file_is_not_waited_for(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(fallback(_LINUX).text)
    assert subprocess.run(["sh", script], capture_output=True, timeout=10, check=True).stdout == b""
