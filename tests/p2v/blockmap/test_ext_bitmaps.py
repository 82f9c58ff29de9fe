"""ext file systems of every shape: our map against partclone's and against e2fsck, and damage believed by nobody."""

import random
from pathlib import Path

import pytest

from p2v.blockmap.ext_bitmaps import _runs, ext_map
from p2v.blockmap.extents import subtract, total
from p2v.blockmap.partclone import MapError, domain_map
from p2v.layout.identify import identify
from p2v.source.file import FileReader
from p2v.types import Extents
from tests.p2v.check import assert_whole
from tests.p2v.disks import MIB, run, stale, write_tree
from tests.p2v.memory import Memory
from xeninstall.base.run import SystemRunner

SHAPES = {
    "ext4": ("ext4", 40, []),
    "1k blocks": ("ext4", 24, ["-b", "1024"]),
    "ext2": ("ext2", 24, []),
    "no sparse": ("ext2", 40, ["-O", "^sparse_super,^resize_inode", "-b", "1024"]),
    "ext3": ("ext3", 24, []),
    "small groups": ("ext4", 40, ["-b", "1024", "-g", "1024"]),
    "meta_bg": ("ext4", 60, ["-b", "1024", "-g", "512", "-O", "meta_bg,^resize_inode"]),
    "sparse_super2": ("ext4", 60, ["-b", "1024", "-g", "1024", "-O", "sparse_super2,^resize_inode"]),
    "no flex": ("ext4", 40, ["-O", "^flex_bg", "-b", "1024"]),
    "32 bits": ("ext4", 40, ["-O", "^64bit,^metadata_csum,uninit_bg", "-b", "1024"]),
    "last group cut": ("ext4", 27, ["-b", "1024", "-g", "2048"]),
}


def make(folder: Path, name: str) -> Path:
    kind, size, options = SHAPES[name]
    part = folder / "part"
    stale(part, size * MIB)
    write_tree(folder / "tree")
    run(f"mkfs.{kind}", "-q", "-F", "-E", "nodiscard,lazy_itable_init=1", *options, "-d", folder / "tree", part)
    return part


def ours(part: Path) -> tuple[Extents, int]:
    reader = FileReader(part)
    try:
        return ext_map(reader)
    finally:
        reader.close()


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_what_partclone_finds_and_all_that_is_needed(tmp_path: Path, name: str) -> None:
    part = make(tmp_path, name)
    used, reach = ours(part)
    reader = FileReader(part)
    theirs, their_reach = domain_map(part, identify(reader), part.stat().st_size, SystemRunner())
    reader.close()
    assert reach == their_reach
    assert subtract(theirs, used) == (), "what partclone copies, we do, too"
    assert total(used) - total(theirs) <= 1024 * 2, "and no more, but for the block before the first group"
    copy = bytearray(b"\xa5" * part.stat().st_size)
    data = part.read_bytes()
    for start, length in used:
        copy[start : start + length] = data[start : start + length]
    (tmp_path / "copy").write_bytes(copy)
    assert_whole("ext4", tmp_path / "copy")


def test_a_bitmap_that_contradicts_its_count_is_not_believed(tmp_path: Path) -> None:
    part = make(tmp_path, "small groups")
    whole, data = ours(part), part.read_bytes()
    rng = random.Random(3)
    believed = 0
    for _ in range(25):
        place, wrong = rng.choice([1024, 2048, 3072]) + rng.randrange(0, 800), rng.randbytes(2)
        try:
            found = ext_map(Memory(data[:place] + wrong + data[place + 2 :]))
        except MapError:
            continue
        believed += 1
        assert found == whole, "where damage is not seen, it does not matter"
    assert believed < 25


def test_runs_of_ones() -> None:
    for number in [0, 1, 0b1011, 0xFF, 0x80FF7F, 0xFFFF_0000_0001, 0x5555_AAAA]:
        bits = number.to_bytes(8, "little")
        found = sum(((1 << length) - 1) << start for start, length in _runs(bits))
        assert found == number
