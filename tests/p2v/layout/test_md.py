"""Members of software RAID, with mdadm as the referee of what the tests pack by hand."""

import struct
from pathlib import Path

import pytest

from p2v.layout.md import read_md
from p2v.layout.model import Kind
from p2v.layout.read import read_layout
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.disks import MIB, filesystem, patch, put, run
from tests.p2v.raid import superblock_0, superblock_1

PLACES = {"1.1": 0, "1.2": 4096, "1.0": 16 * MIB - 16 * 512}


@pytest.mark.parametrize(("version", "start"), [("1.0", 0), ("1.1", MIB), ("1.2", MIB)])
def test_the_data_of_a_mirror_is_looked_into(tmp_path: Path, version: str, start: int) -> None:
    path = tmp_path / "member"
    path.write_bytes(bytes(16 * MIB))
    put(path, filesystem(tmp_path, "ext2"), start)
    patch(path, PLACES[version], superblock_1(PLACES[version], 1, start, 8 * MIB))
    said = run("mdadm", "--examine", path)
    assert f"Version : {version}" in said and "Raid Level : raid1" in said
    reader = FileReader(path)
    volume = read_layout(reader).volumes[0]
    reader.close()
    assert (volume.content.kind, volume.content.title) == (Kind.MD, f"RAID1 member, metadata {version}")
    assert volume.inner[0].content.title == "ext2"
    assert volume.inner[0].segments == (Extent(start, 8 * MIB),)


@pytest.mark.parametrize("level", [0, 5, 10, -1])
def test_a_member_of_another_level_is_copied_whole(tmp_path: Path, level: int) -> None:
    path = tmp_path / "member"
    path.write_bytes(bytes(16 * MIB))
    put(path, filesystem(tmp_path, "ext2"), 0)
    patch(path, PLACES["1.0"], superblock_1(PLACES["1.0"], level, 0, 8 * MIB))
    reader = FileReader(path)
    volume = read_layout(reader).volumes[0]
    reader.close()
    assert (volume.content.whole_because, volume.inner) == ("its data is spread over several disks", ())


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_old_superblock_at_the_end_is_found(tmp_path: Path, order: str) -> None:
    path = tmp_path / "member"
    path.write_bytes(bytes(16 * MIB))
    put(path, filesystem(tmp_path, "ext2"), 0)
    patch(path, 16 * MIB - 65536, superblock_0(1, 8 * MIB, order))
    reader = FileReader(path)
    member = read_md(reader)
    inner = read_layout(reader).volumes[0].inner
    reader.close()
    assert member is not None and (member.version, member.level, member.data_bytes) == ("0.9", 1, 8 * MIB)
    assert inner[0].content.title == "ext2"


def test_a_member_being_reshaped_or_damaged_is_copied_whole(tmp_path: Path) -> None:
    path = tmp_path / "member"
    path.write_bytes(bytes(16 * MIB))
    patch(path, 4096, superblock_1(4096, 1, MIB, 900 * MIB))
    reader = FileReader(path)
    member = read_md(reader)
    assert member is not None and member.whole_because == "its superblock is damaged"
    patch(path, 4096 + 8, struct.pack("<I", 4))
    member = read_md(reader)
    reader.close()
    assert member is not None and member.whole_because == "it is being reshaped"
