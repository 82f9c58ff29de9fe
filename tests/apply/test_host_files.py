"""Files of the host never land outside of it, whatever links its tree holds."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xeninstall.apply.host_files import inside, make_link, remove, write_file
from xeninstall.base.errors import Error
from xeninstall.plan.model import MakeLink, Remove, WriteFile


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "usr/lib").mkdir(parents=True)
    (place / "lib").symlink_to("usr/lib")
    (place / "absolute").symlink_to("/usr")
    (place / "out").symlink_to("../../../../../..")
    (place / "etc").mkdir()
    (place / "etc/outside").symlink_to("/../../tmp")
    (place / "loop").symlink_to("loop2")
    (place / "loop2").symlink_to("loop")
    return place


@pytest.mark.parametrize(
    ("path", "lies"),
    [
        ("/lib/systemd", "usr/lib/systemd"),
        ("/absolute/lib/x", "usr/lib/x"),
        ("/out/etc/passwd", "etc/passwd"),
        ("/../../etc/passwd", "etc/passwd"),
        ("/usr/../../../etc/passwd", "etc/passwd"),
        ("/etc/outside/x", "tmp/x"),
        ("etc//./hostname", "etc/hostname"),
        ("/lib", "lib"),
        ("/", "."),
    ],
)
def test_paths_are_those_of_the_host(root: Path, path: str, lies: str) -> None:
    assert inside(root, path) == root / lies


def test_a_circle_of_links_ends_in_words(root: Path) -> None:
    with pytest.raises(Error, match="/loop/x: too many symbolic links in the system image"):
        inside(root, "/loop/x")


_PIECES = ["..", ".", "", "lib", "absolute", "out", "etc", "outside", "usr", "new"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES), max_size=12))
def test_no_path_leads_out(root: Path, pieces: list[str]) -> None:
    place = inside(root, "/" + "/".join(pieces))
    parent = place.parent if place != root else place
    assert Path(os.path.realpath(parent)).is_relative_to(root.resolve()) or parent == root.parent
    assert place == root or root in place.parents


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_files_get_their_mode_whatever_the_umask(root: Path) -> None:
    before = os.umask(0o077)
    try:
        write_file(root, WriteFile(path="/a/b/file", text="über\r\n", mode=0o644))
        write_file(root, WriteFile(path="/root/.ssh/authorized_keys", text="key\n", mode=0o600))
    finally:
        os.umask(before)
    assert (root / "a/b/file").read_bytes() == "über\r\n".encode()
    assert [_mode(root / path) for path in ("a", "a/b", "a/b/file")] == [0o755, 0o755, 0o644]
    assert [_mode(root / path) for path in ("root/.ssh", "root/.ssh/authorized_keys")] == [0o700, 0o600]


def test_directories_that_are_there_keep_their_mode(root: Path) -> None:
    (root / "etc").chmod(0o711)
    write_file(root, WriteFile(path="/etc/x", text=""))
    assert _mode(root / "etc") == 0o711


def test_a_link_in_a_files_place_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (root / "etc/resolv.conf").symlink_to(victim)
    write_file(root, WriteFile(path="/etc/resolv.conf", text="new"))
    assert victim.read_text() == "untouched"
    assert (root / "etc/resolv.conf").read_text() == "new" and not (root / "etc/resolv.conf").is_symlink()


def test_what_an_interrupted_write_left_does_not_stop_the_next(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (root / "etc/x.xeninstall-new").symlink_to(victim)
    write_file(root, WriteFile(path="/etc/x", text="new"))
    assert not victim.exists()
    assert sorted(path.name for path in (root / "etc").iterdir()) == ["outside", "x"]


def test_links_replace_files_and_links(root: Path) -> None:
    (root / "etc/localtime").write_text("old")
    for _ in range(2):
        make_link(root, MakeLink(path="/etc/localtime", to="/usr/share/zoneinfo/Etc/UTC"))
    assert str((root / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Etc/UTC"


def test_removing_takes_a_tree_but_never_what_a_link_points_to(root: Path) -> None:
    (root / "usr/lib/keep").write_text("")
    remove(root, Remove(path="/absolute"))
    assert (root / "usr/lib/keep").exists() and not (root / "absolute").is_symlink()
    remove(root, Remove(path="/usr"))
    remove(root, Remove(path="/usr"))
    assert not (root / "usr").exists()
