"""The files of the live layer: they are laid as they are, what is switched off is masked, our units are on."""

import subprocess
from pathlib import Path

import pytest

from iso.medium.layer import lay_files, masked
from tests.system.installer import REPOSITORY


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A layer with our files in it."""
    lay_files(REPOSITORY, tmp_path)
    return tmp_path


def test_programs_can_be_run_and_texts_cannot(tree: Path) -> None:
    for name in ("session", "attach", "ssh"):
        assert (tree / "usr/lib/xeninstall-live" / name).stat().st_mode & 0o777 == 0o755
    assert (tree / "etc/systemd/system/xeninstall-session.service").stat().st_mode & 0o777 == 0o644
    assert (tree / "root").stat().st_mode & 0o777 == 0o700


def test_session_and_ssh_are_on_and_a_console_only_where_there_is_one(tree: Path) -> None:
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    assert sorted(path.name for path in wants.iterdir()) == ["xeninstall-session.service", "xeninstall-ssh.service"]
    assert (wants / "xeninstall-ssh.service").resolve() == (tree / "etc/systemd/system/xeninstall-ssh.service").resolve()


def test_xen_its_guests_and_everything_that_touches_disks_by_itself_are_masked(tree: Path) -> None:
    etc = tree / "etc"
    for name in (
        "systemd/system/xen.service",
        "systemd/system/xendomains.service",
        "systemd/system-generators/systemd-gpt-auto-generator",
        "udev/rules.d/64-md-raid-assembly.rules",
        "udev/rules.d/69-lvm.rules",
    ):
        assert (etc / name).readlink() == Path("/dev/null")
    assert len(masked(REPOSITORY)) == len(set(masked(REPOSITORY)))


def test_systemd_takes_our_units(tree: Path) -> None:
    if not Path("/usr/bin/systemd-analyze").exists():
        pytest.fail("systemd-analyze is missing: install the Debian package systemd", pytrace=False)
    units = sorted((tree / "etc/systemd/system").glob("xeninstall-*.service"))
    for unit in units:
        text = unit.read_text()
        for program in ("/usr/lib/xeninstall-live/", "/usr/bin/tmux"):
            text = text.replace(program, "/bin/true " if program.endswith("tmux") else f"{tree}{program}")
        unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units], capture_output=True, text=True, check=False
    )
    assert "xeninstall-" not in done.stderr, done.stderr


def test_tmux_takes_its_configuration_and_the_second_window_is_a_shell(tree: Path, tmp_path: Path) -> None:
    def tmux(*words: str) -> str:
        return subprocess.run(["tmux", "-S", tmp_path / "socket", *words], capture_output=True, text=True, check=True).stdout

    configuration = tree / "usr/lib/xeninstall-live/tmux.conf"
    try:
        assert (
            tmux("-f", str(configuration), "new-session", "-d", "-s", "xeninstall", "-n", "install", "-x80", "-y24", "sleep 60")
            == ""
        )
        tmux("source-file", str(configuration))  # which fails on the first line that it does not take
        left = tmux("show-options", "-gv", "status-left")
        assert left.isascii() and "Ctrl+B 2" in left
        assert tmux("show-options", "-gv", "window-size") == "latest\n"
        assert tmux("list-windows", "-F", "#{window_index} #{window_name}") == "1 install\n"
        bound = [line for line in tmux("list-keys", "-T", "prefix").splitlines() if " 2 " in line.replace("\t", " ")]
        assert bound and "new-window" in bound[0] and "shell" in bound[0]
    finally:
        subprocess.run(["tmux", "-S", tmp_path / "socket", "kill-server"], check=False, capture_output=True)
