"""The kernel's table of mounts, with every name that a folder may have."""

import subprocess
from pathlib import Path

import pytest

from xeninstall.base.mountinfo import Mount, mounts_below, parse_mounts


def test_escapes_are_undone_and_what_is_no_line_is_left_out() -> None:
    text = (
        "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 shared:2 - ext4 /dev/x\\134y rw,errors=continue\n"
        "37 35 0:41 / /büro ro - tmpfs  rw\n"
        "garbage\n1 2 3\n - - - \n"
    )
    assert parse_mounts(text) == (
        Mount("98:0", "/mnt/a b", "ext4", "/dev/x\\y", "rw,errors=continue"),
        Mount("0:41", "/büro", "tmpfs", "", "rw"),
    )


@pytest.mark.root
@pytest.mark.parametrize(
    "name", [b"b\xc3\xbcro", b"a b\tc\\d#\ne", b"\xff\xfe", b"a\x0bb\xe2\x80\xa8"], ids=["letters", "escapes", "no UTF-8", "ends"]
)
def test_a_mount_is_found_by_its_folder(tmp_path: Path, name: bytes) -> None:
    place = tmp_path / name.decode(errors="surrogateescape")
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        (found,) = mounts_below(tmp_path)
    finally:
        subprocess.run(["umount", place], check=True)
    assert (Path(found.place), found.fstype) == (place, "tmpfs")
    assert mounts_below(tmp_path) == []
