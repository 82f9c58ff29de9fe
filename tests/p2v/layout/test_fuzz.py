"""Damage: whatever a disk says, its layout is read without a crash and stays within the disk."""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2v.layout.identify import identify
from p2v.layout.model import Damaged, Volume
from p2v.layout.read import read_layout
from tests.p2v.disks import filesystem, make_disk
from tests.p2v.memory import Memory

HOSTILE = [0, 1, 0x7F, 0x80, 0xFF]


def volumes(found: tuple[Volume, ...]) -> Iterator[Volume]:
    for volume in found:
        yield volume
        yield from volumes(volume.inner)


class Mutated(Memory):
    """The same bytes but for some."""

    def __init__(self, data: bytes, size_bytes: int, rng: random.Random, places: list[int]) -> None:
        super().__init__(data, size_bytes)
        self._patches: list[tuple[int, bytes]] = []
        for _ in range(rng.randint(1, 5)):
            place = rng.choice(places) + rng.randrange(512)
            wide = struct.pack("<Q", rng.getrandbits(64) if rng.random() < 0.5 else (1 << 64) - 1)
            self._patches.append((place, bytes([rng.choice(HOSTILE)]) if rng.random() < 0.5 else wide))

    def read(self, offset: int, length: int) -> bytes:
        changed = bytearray(super().read(offset, length))
        for place, data in self._patches:
            for index, byte in enumerate(data):
                if 0 <= place + index - offset < len(changed):
                    changed[place + index - offset] = byte
        return bytes(changed)


@pytest.mark.parametrize("table", ["gpt", "dos-extended"])
def test_damaged_tables_never_crash_nor_reach_beyond_the_disk(tmp_path: Path, table: str) -> None:
    data = make_disk(tmp_path, table, ["ext2", "swap", "swap"]).read_bytes()
    size = len(data)
    keep = data[: 9 << 20] if table == "gpt" else data
    extended = int.from_bytes(data[446 + 16 + 8 : 446 + 16 + 12], "little") * 512
    places = [0, 512, 1024] if table == "gpt" else [0, extended]
    rng = random.Random(11)
    for _ in range(150):
        layout = read_layout(Mutated(keep, size, rng, places))
        for volume in volumes(layout.volumes):
            assert all(0 <= extent.start <= extent.end <= size for extent in volume.segments)


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "vfat", "exfat", "swap", "xfs", "btrfs", "luks"])
def test_damaged_file_systems_never_crash(tmp_path: Path, kind: str) -> None:
    with filesystem(tmp_path, kind).open("rb") as file:
        data = file.read(6 << 20)
        size = file.seek(0, 2)
    places = [0, 512, 1024, 65536, 4096, data.find(b"FILE") if kind == "ntfs" else 0]
    places += [places[-1] + 2048, places[-1] + 3072]
    rng = random.Random(12)
    for _ in range(150):
        content = identify(Mutated(data, size, rng, places))
        assert content.whole_because or content.size_bytes is None or content.size_bytes <= size


def test_noise_is_unknown() -> None:
    rng = random.Random(13)
    for size in [0, 1, 511, 512, 513, 4095, 70000, 300000]:
        layout = read_layout(Memory(rng.randbytes(size)))
        assert all(volume.content.whole_because for volume in layout.volumes)


def test_a_reader_that_ends_early_is_damage_and_nothing_worse() -> None:
    from p2v.layout.segments import carve, need
    from p2v.types import Extent

    with pytest.raises(Damaged):
        need(Memory(bytes(100)), 90, 20)
    for offset, length in [(-1, 5), (0, 0), (95, 6), (100, 1)]:
        with pytest.raises(Damaged, match="not within"):
            carve([Extent(1000, 60), Extent(0, 40)], offset, length)
    assert carve([Extent(1000, 60), Extent(1060, 40)], 10, 80) == (Extent(1010, 80),)
