"""A /dev that shows the target and nothing of any other disk."""

import os
import stat
from pathlib import Path

import pytest

from xeninstall.apply.private_dev import block_nodes, populate

_UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.root
def test_programs_find_what_they_expect_and_the_root_by_uuid(tmp_path: Path) -> None:
    place, node = tmp_path / "dev", Path(f"/dev/xeninstall-test-{os.getpid()}")
    place.mkdir()
    os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(7, 250))
    try:
        populate(place, [], node, _UUID)
    finally:
        node.unlink()
    for name, number in (("null", (1, 3)), ("urandom", (1, 9)), ("tty", (5, 0))):
        found = (place / name).stat()
        assert stat.S_ISCHR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o666
        assert (os.major(found.st_rdev), os.minor(found.st_rdev)) == number
    assert str((place / "stdin").readlink()) == "/proc/self/fd/0"
    blocks = [path for path in place.rglob("*") if not path.is_symlink() and path.is_block_device()]
    assert [path.name for path in blocks] == [node.name]
    assert stat.S_IMODE(blocks[0].stat().st_mode) == 0o600
    assert str((place / "disk/by-uuid" / _UUID).readlink()) == str(node)


def test_a_disk_that_is_not_there_has_no_nodes() -> None:
    assert block_nodes("/dev/no-such-disk") == []
