"""All that btrfs keeps is in the map, with every copy: the kernel compares them. What does not add up is not mapped."""

import random
import struct
from pathlib import Path

import pytest

from p2v.blockmap.btrfs_extents import btrfs_map
from p2v.blockmap.extents import total
from p2v.blockmap.partclone import MapError
from p2v.files.btrfs import BtrfsFiles
from p2v.files.model import Lost
from p2v.source.file import FileReader
from tests.p2v.disks import MIB, patch, run, unmount

from .test_detect import mapped, only_mapped

_SIZE = 512 * MIB


def _lived_in(path: Path, profile: str, place: Path) -> None:
    """Files that came and went, with snapshots in between, on metadata of this profile."""
    with path.open("wb") as file:
        file.truncate(_SIZE)
    run("mkfs.btrfs", "-q", "-m", profile, path)
    place.mkdir()
    run("mount", "-o", "loop", path, place)
    dice = random.Random(profile)
    try:
        for generation in range(4):
            for number in range(200):
                (place / f"{dice.randrange(400)}").write_bytes(dice.randbytes(dice.randrange(1, 40000)))
                (place / f"{dice.randrange(400)}").unlink(missing_ok=True)
                if number % 50 == 0:
                    run("sync", "-f", place)
            run("btrfs", "subvolume", "snapshot", place, place / f"before{generation}")
    finally:
        unmount(place)


@pytest.mark.root
@pytest.mark.parametrize("profile", ["dup", "single"])
def test_the_kernel_finds_every_copy_whole(tmp_path: Path, profile: str) -> None:
    part, place = tmp_path / "part", tmp_path / "place"
    _lived_in(part, profile, place)
    found = mapped(part)
    assert found.volumes[0].whole_because == ""
    assert total(found.block_map.used) < _SIZE * 0.5
    copy = only_mapped(part, found)
    run("mount", "-o", "loop,ro", copy, place)
    try:
        said = run("btrfs", "scrub", "start", "-B", "-r", place)
    finally:
        unmount(place)
    assert "no errors found" in said


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(128 * MIB)
    run("mkfs.btrfs", "-q", part)
    return part


@pytest.mark.parametrize(
    ("offset", "value", "why"),
    [
        (0x10078, 4096, "its extents are more than the 4096 bytes that it says are in use"),
        (0x10078, 1 << 26, "its extents add up to [0-9]+ bytes, and it says that 67108864 are in use"),
        (0x100BC, 1 << 13, "it has features that are not understood: 0x2000"),
        (0x10050, 0, "its extents cannot be read: one of its trees has no end"),
        (0x10094, 12, "its extents cannot be read: its superblock is damaged"),
        (0x100D1, 1 << 40, "it reaches beyond the volume"),
    ],
    ids=["more", "less", "features", "root", "nodes", "size"],
)
def test_what_does_not_add_up_is_not_mapped(plain: Path, offset: int, value: int, why: str) -> None:
    patch(plain, offset, struct.pack("<Q", value) if offset != 0x10094 else struct.pack("<I", value))
    reader = FileReader(plain)
    try:
        with pytest.raises(MapError, match=why):
            btrfs_map(reader, reader.size_bytes)
    finally:
        reader.close()


def test_trees_that_lead_to_the_same_blocks_again_and_again_are_left(plain: Path) -> None:
    reader = FileReader(plain)
    try:
        files = BtrfsFiles(reader)
        root = files._trees[2]
        # Seven floors, each of a hundred ways to the next; at the bottom there is nothing.
        for floor in range(7):
            ways = b"".join(struct.pack("<QBQQQ", number, 0, 0, root + floor + 1, 0) for number in range(100))
            files._nodes[root + floor] = bytes(96) + struct.pack("<IB", 100, 7 - floor) + ways
        files._nodes[root + 7] = bytes(101)
        with pytest.raises(Lost, match="leads to the same blocks again and again"):
            list(files.allocated())
    finally:
        reader.close()


@pytest.mark.root
def test_then_it_is_copied_whole(plain: Path) -> None:
    patch(plain, 0x10078, struct.pack("<Q", 4096))
    found = mapped(plain)
    assert "4096 bytes that it says are in use" in found.volumes[0].whole_because
    assert found.block_map.used[0].length == 128 * MIB
