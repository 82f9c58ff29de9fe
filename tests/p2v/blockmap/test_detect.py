"""Block maps of real file systems: a copy of nothing but the mapped bytes passes its checker and holds every file."""

import shutil
import subprocess
from pathlib import Path

import pytest

from p2v.blockmap.detect import Subject, map_disks
from p2v.blockmap.extents import covered, total
from p2v.blockmap.model import DiskMap
from p2v.layout.joined import Joined
from p2v.layout.read import read_layouts
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.check import assert_whole
from tests.p2v.disks import MIB, filesystem, make_disk, patch, put, run, sha, stale, unmount
from tests.p2v.volume_group import make_group, striped
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root  # FUSE mounts


def mapped(path: Path, whole_because: str = "") -> DiskMap:
    reader = FileReader(path)
    try:
        joined = Joined([reader])
        return map_disks([Subject(str(path), whole_because)], joined, read_layouts(joined, [reader]), SystemRunner())[0]
    finally:
        reader.close()


def only_mapped(path: Path, disk_map: DiskMap) -> Path:
    """A copy in which every byte outside the map is garbage: worse than what a target would have there."""
    copy = path.with_suffix(".copy")
    with path.open("rb") as source, copy.open("wb") as target:
        target.truncate(path.stat().st_size)
        for start in range(0, path.stat().st_size, MIB):
            target.seek(start)
            target.write(b"\xa5" * min(MIB, path.stat().st_size - start))
        for start, length in disk_map.block_map.used:
            source.seek(start)
            target.seek(start)
            target.write(source.read(length))
    return copy


@pytest.mark.parametrize("kind", ["ext4", "ext2", "xfs", "btrfs", "ntfs", "vfat", "exfat", "swap"])
def test_the_mapped_bytes_are_all_that_a_file_system_needs(tmp_path: Path, kind: str) -> None:
    part = filesystem(tmp_path, kind)
    before = sha(part)
    found = mapped(part)
    assert found.volumes[0].whole_because == ""
    copy = only_mapped(part, found)
    assert_whole(kind, copy)
    assert total(found.block_map.used) < part.stat().st_size * 0.8
    assert sha(part) == before


def test_bytes_that_nobody_owns_are_copied(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext2", "swap", "ntfs"])
    found = mapped(disk)
    used, size = found.block_map.used, disk.stat().st_size
    assert covered(used, 0) and covered(used, MIB - 1), "boot code and table"
    assert covered(used, size - 1) and covered(used, size - 3 * MIB // 2), "the table's backup and the tail"
    end = MIB + 8 * MIB + 8 * MIB + 16 * MIB
    assert covered(used, end - 1), "the backup boot sector of NTFS"
    assert [volume.whole_because for volume in found.volumes] == ["", "", ""]
    swap = found.volumes[1]
    assert swap.copied_bytes == 2 * MIB, "its header, and the edges that are always kept"


def test_a_volume_group_is_mapped_volume_by_volume(tmp_path: Path) -> None:
    part = tmp_path / "pv.img"
    stale(part, 64 * MIB)
    ext = filesystem(tmp_path, "ext4")
    make_group(tmp_path, {"pv0": part}, striped("root", (10, [("pv0", 40)]), (14, [("pv0", 5)])))
    data = ext.read_bytes()
    patch(part, 41 * MIB, data[: 10 * MIB])
    patch(part, 6 * MIB, data[10 * MIB :])
    found = mapped(part)
    assert [(volume.content.title, volume.whole_because) for volume in found.volumes] == [("LVM", ""), ("ext4", "")]
    copy = only_mapped(part, found)
    out = tmp_path / "out"
    with copy.open("rb") as file, out.open("wb") as target:
        for start, length in ((41, 10), (6, 14)):
            file.seek(start * MIB)
            target.write(file.read(length * MIB))
    assert_whole("ext4", out)
    assert not covered(found.block_map.used, 62 * MIB), "extents that belong to no volume"


def test_a_dirty_xfs_is_copied_whole(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "xfs")
    place = tmp_path / "place"
    place.mkdir()
    if subprocess.run(["mount", "-o", "loop", part, place], capture_output=True).returncode:
        pytest.skip("the kernel cannot mount XFS")
    try:
        (place / "new").write_bytes(b"new" * MIB)
        run("sync", place / "new")
        shutil.copy(part, tmp_path / "pulled")
    finally:
        unmount(place)
    found = mapped(tmp_path / "pulled")
    assert found.volumes[0].whole_because == "it was not unmounted, and its log waits to be replayed"
    assert found.block_map.used == (Extent(0, 300 * MIB),)


def test_a_file_system_that_partclone_refuses_is_copied_whole(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ext4")
    patch(part, 2048, b"\xff" * 2048)  # the group descriptors
    patch(part, 4096, b"\xff" * 4096)
    found = mapped(part)
    assert found.block_map.used == (Extent(0, part.stat().st_size),)
    assert found.volumes[0].whole_because.startswith("partclone.extfs")


def test_everything_is_everything(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "dos", ["ext2"])
    put(disk, filesystem(tmp_path, "ext2"), MIB)
    found = mapped(disk, whole_because="all of it was asked for")
    assert found.block_map.used == (Extent(0, disk.stat().st_size),)
    assert found.volumes[0].whole_because == "all of it was asked for"
