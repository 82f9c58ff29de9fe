"""Whole disks: what sfdisk and mkfs made is found where they put it, and what contradicts itself is copied whole."""

from pathlib import Path

import pytest

from p2v.layout.model import Kind, Layout
from p2v.layout.read import read_layout
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.disks import MIB, filesystem, make_disk, patch, put, run, stale

KINDS = ["ext4", "swap", "vfat", "ntfs", "exfat", "unknown"]


def layout(path: Path) -> Layout:
    reader = FileReader(path)
    try:
        return read_layout(reader)
    finally:
        reader.close()


@pytest.mark.parametrize("table", ["gpt", "dos-extended"])
def test_partitions_are_found_with_what_they_hold(tmp_path: Path, table: str) -> None:
    found = layout(disk := make_disk(tmp_path, table, KINDS))
    said = run("sfdisk", "-d", disk)
    starts = [
        int(line.split("start=")[1].split(",")[0]) * 512
        for line in said.splitlines()
        if "start=" in line and "type=5" not in line
    ]
    assert [volume.segments[0].start for volume in found.volumes] == starts
    assert found.table == {"gpt": "gpt", "dos-extended": "mbr"}[table]
    kinds = [volume.content.kind for volume in found.volumes]
    assert kinds == [Kind.EXT, Kind.SWAP, Kind.FAT, Kind.NTFS, Kind.EXFAT, Kind.UNKNOWN]
    assert [volume.content.whole_because for volume in found.volumes] == ["", "", "", "", "", "its content is not known"]
    assert [volume.content.label for volume in found.volumes[:4]] == ["root", "swap", "ESP", "Windows"]
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("kind", "expected"), [("xfs", Kind.XFS), ("btrfs", Kind.BTRFS), ("luks", Kind.LUKS), ("ext2", Kind.EXT)]
)
def test_a_disk_without_a_table_is_one_volume(tmp_path: Path, kind: str, expected: Kind) -> None:
    found = layout(filesystem(tmp_path, kind))
    assert (found.table, len(found.volumes)) == ("none", 1)
    assert found.volumes[0].content.kind == expected
    assert found.volumes[0].content.uuid


def test_a_damaged_main_table_is_read_from_its_backup(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext2", "swap"])
    whole = layout(disk)
    patch(disk, 512 + 40, b"\xff")
    found = layout(disk)
    assert found.volumes == whole.volumes
    assert found.remarks == ("the partition table was read from its backup (its main copy: the header's checksum is wrong)",)


def test_a_damaged_backup_is_named(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext2"])
    patch(disk, disk.stat().st_size - 512 + 20, b"\xff")
    assert layout(disk).remarks == ("the partition table's backup is damaged: the header's checksum is wrong",)
    with disk.open("ab") as file:
        file.truncate(disk.stat().st_size + MIB)
    assert layout(disk).remarks == ("the partition table's backup is not at the end of the disk",)


def test_a_disk_with_both_tables_damaged_has_no_volumes(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext2"])
    patch(disk, 512 + 40, b"\xff")
    patch(disk, disk.stat().st_size - 512 + 40, b"\xff")
    found = layout(disk)
    assert (found.table, found.volumes) == ("damaged", ())
    assert "its main copy: the header's checksum is wrong; its backup copy: the header's checksum is wrong" in found.remarks[0]


def test_an_mbr_over_a_gpt_is_ambiguous(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext2"])
    patch(disk, 446 + 4, b"\x83")
    found = layout(disk)
    assert found.volumes == ()
    assert found.remarks[-1] == "which one holds is not known; it is copied whole"


def test_overlapping_partitions_lose_their_maps(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "dos", ["ext2", "swap"])
    start = int.from_bytes(disk.read_bytes()[446 + 16 + 8 : 446 + 16 + 12], "little")
    patch(disk, 446 + 16 + 8, (start - 8).to_bytes(4, "little"))
    assert {volume.content.whole_because for volume in layout(disk).volumes} == {"it overlaps another partition"}


def test_a_partition_beyond_the_end_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "dos", ["ext2"])
    patch(disk, 446 + 12, b"\xff\xff\xff\x00")
    volume = layout(disk).volumes[0]
    assert volume.content.whole_because == "it reaches beyond the end of the disk"
    assert volume.segments == (Extent(MIB, disk.stat().st_size - MIB),)


def test_two_signatures_at_once_are_no_basis_for_a_map(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ext2")
    patch(part, 4096 - 10, b"SWAPSPACE2")
    assert layout(part).volumes[0].content.whole_because == "it looks like ext2 and Linux swap at once"


def test_a_file_system_larger_than_its_volume_is_copied_whole(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ext2")
    with part.open("r+b") as file:
        file.truncate(part.stat().st_size - MIB)
    assert "larger than the volume" in layout(part).volumes[0].content.whole_because


def test_an_encrypted_windows_volume_is_recognised(tmp_path: Path) -> None:
    disk = tmp_path / "windows.img"
    stale(disk, 4 * MIB)
    patch(disk, 0, b"\xeb\x58\x90-FVE-FS-\0\x02\x08\0\0" + bytes(494) + b"\x55\xaa")
    content = layout(disk).volumes[0].content
    assert (content.kind, content.whole_because) == (Kind.BITLOCKER, "it is encrypted")


def test_a_sector_of_4096_bytes_is_understood(tmp_path: Path) -> None:
    from tests.p2v.layout.gpt4k import gpt_4k

    part = filesystem(tmp_path, "ext2")
    disk = tmp_path / "disk.img"
    gpt_4k(disk, 16 * MIB, MIB, part.stat().st_size)
    put(disk, part, MIB)
    found = layout(disk)
    assert (found.table, found.volumes[0].content.title, found.volumes[0].segments) == ("gpt", "ext2", (Extent(MIB, 8 * MIB),))
