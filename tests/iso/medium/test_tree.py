"""What lies on the medium: every file is summed, and its parts know each other."""

import subprocess
from pathlib import Path

from iso.medium import tree

from .small import ANSWERS, LIVE, medium


def test_the_list_has_every_file_but_the_one_that_the_image_changes(tmp_path: Path) -> None:
    whole = medium(tmp_path)
    listed = {line[66:] for line in (whole / tree.SUMS).read_text().splitlines() if not line.startswith("#")}
    files = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert files - listed == {tree.SUMS, "boot/grub/eltorito.img"}
    assert listed <= files


def test_sha256sum_reads_the_list(tmp_path: Path) -> None:
    whole = medium(tmp_path, ANSWERS)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", tree.SUMS], cwd=whole, check=True)


def test_the_list_has_the_sizes_for_whoever_fetches_the_files(tmp_path: Path) -> None:
    size = len(LIVE["system.squashfs"])
    assert f"# {size} bytes: live/system.squashfs\n" in (medium(tmp_path) / tree.SUMS).read_text()


def test_menu_and_medium_have_the_same_identity(tmp_path: Path) -> None:
    whole = medium(tmp_path)
    [name] = {path.name for path in (whole / ".disk").iterdir()} - {"info"}
    menu = (whole / "boot/grub/grub.cfg").read_text()
    assert f'set medium="xeninstall.medium={name}"' in menu
    assert f"search --no-floppy --set=root --file /.disk/{name}\n" in menu
    assert "@" not in menu.replace("@MEDIUM@ is replaced", "")


def test_answers_do_not_change_who_the_medium_is(tmp_path: Path) -> None:
    plain, answered = medium(tmp_path / "plain"), medium(tmp_path / "answered", ANSWERS)
    assert sorted(path.name for path in (plain / ".disk").iterdir()) == sorted(
        path.name for path in (answered / ".disk").iterdir()
    )
    assert (answered / tree.ANSWERS).read_bytes() == ANSWERS


def test_any_other_file_makes_another_medium(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    assert tree.identity([first]) != tree.identity([second]) != tree.identity([first, second])


def test_sealing_again_without_answers_takes_them_out(tmp_path: Path) -> None:
    whole = medium(tmp_path, ANSWERS)
    tree.seal(whole)
    assert not (whole / tree.ANSWERS).exists()
    assert tree.ANSWERS not in (whole / tree.SUMS).read_text()
