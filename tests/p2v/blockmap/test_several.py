"""Volume groups over several disks: with all of them given, what is in use is found across them; with one, it is copied whole."""

import shutil
from pathlib import Path

import pytest

from p2v.blockmap.extents import covered, total, union
from p2v.blockmap.model import DiskMap
from p2v.convert import map_sources
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.check import assert_whole
from tests.p2v.disks import MIB, filesystem, patch, stale
from tests.p2v.volume_group import make_group, striped
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root  # FUSE mounts, loop devices


def maps(*paths: Path) -> list[DiskMap]:
    readers = [FileReader(path) for path in paths]
    try:
        return map_sources(readers, SystemRunner())
    finally:
        for reader in readers:
            reader.close()


def only(path: Path, found: DiskMap) -> Path:
    """A copy with garbage wherever nothing is in use."""
    copy = path.with_suffix(".copy")
    data, result = path.read_bytes(), bytearray(b"\xa5" * path.stat().st_size)
    for start, length in found.block_map.used:
        result[start : start + length] = data[start : start + length]
    copy.write_bytes(result)
    return copy


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two disks of one group with an ext4 of three pieces: two on the first, one on the second, not in order."""
    one, two = tmp_path / "one.img", tmp_path / "two.img"
    stale(one, 40 * MIB)
    stale(two, 44 * MIB + 4096)
    make_group(tmp_path, {"pv0": one, "pv1": two}, striped("root", (6, [("pv0", 30)]), (10, [("pv1", 20)]), (8, [("pv0", 4)])))
    data = filesystem(tmp_path, "ext4").read_bytes()
    patch(one, 31 * MIB, data[: 6 * MIB])
    patch(two, 21 * MIB, data[6 * MIB : 16 * MIB])
    patch(one, 5 * MIB, data[16 * MIB :])
    return one, two


def test_a_volume_on_two_disks_is_mapped_across_both(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    first, second = maps(*pair)
    assert [(volume.content.title, volume.whole_because) for volume in first.volumes] == [("LVM", ""), ("ext4", "")]
    assert [volume.content.title for volume in second.volumes] == ["LVM"]
    assert first.remarks == second.remarks == ()
    assert total(first.block_map.used) + total(second.block_map.used) < 26 * MIB
    assert not covered(first.block_map.used, 25 * MIB) and not covered(second.block_map.used, 40 * MIB), "extents of nobody"
    one, two = only(pair[0], first).read_bytes(), only(pair[1], second).read_bytes()
    out = tmp_path / "out"
    out.write_bytes(one[31 * MIB : 37 * MIB] + two[21 * MIB : 31 * MIB] + one[5 * MIB : 13 * MIB])
    assert_whole("ext4", out)
    again = maps(pair[1], pair[0])
    needed = [union(found.block_map.used, found.zeros) for found in (second, first)]
    assert [union(found.block_map.used, found.zeros) for found in again] == needed, "their order does not matter"


def test_one_of_two_disks_is_copied_whole_where_the_volume_is(pair: tuple[Path, Path]) -> None:
    (first,) = maps(pair[0])
    assert first.volumes[1].whole_because == "a part of it is on another disk"
    assert "lies on other disks, too" in first.remarks[0]
    assert covered(first.block_map.used, 31 * MIB) and covered(first.block_map.used, 13 * MIB - 1)


def test_a_disk_that_is_there_twice_confuses_nobody(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    twin = tmp_path / "twin.img"
    shutil.copy(pair[0], twin)
    found = maps(pair[0], twin, pair[1])
    assert "a physical volume of it is there twice" in found[0].remarks[0]
    for one, path in zip(found, (pair[0], twin, pair[1]), strict=True):
        assert union(one.block_map.used, one.zeros) == (Extent(0, path.stat().st_size),)


def test_copies_of_a_whole_group_are_each_mapped(tmp_path: Path) -> None:
    one = tmp_path / "one.img"
    stale(one, 40 * MIB)
    make_group(tmp_path, {"pv0": one}, striped("root", (24, [("pv0", 6)])))
    patch(one, 7 * MIB, filesystem(tmp_path, "ext4").read_bytes())
    twin = tmp_path / "twin.img"
    shutil.copy(one, twin)
    first, second = maps(one, twin)
    needed = [union(found.block_map.used, found.zeros) for found in (first, second)]  # holes of the file are its own affair
    assert needed[0] == needed[1] and total(needed[0]) < 20 * MIB
    assert [volume.whole_because for volume in second.volumes] == ["", ""]
