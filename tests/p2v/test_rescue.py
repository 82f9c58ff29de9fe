"""Media that fail: as little as possible is lost, and exactly that is told."""

import random
from pathlib import Path

import pytest

from p2v import rescue
from p2v.rescue import Rescuer, SourceVanished
from p2v.types import Extent
from tests.p2v.failing import SECTOR, FailingReader

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(2).randbytes(2 * MIB))
    return path


def test_only_the_bad_sectors_become_zeros(disk: Path) -> None:
    bad = {3, 4, 700, 701, 1500}
    rescuer = Rescuer(FailingReader(disk, bad))
    buffer = bytearray(MIB)
    rescuer.read_into(0, memoryview(buffer))
    expected = bytearray(disk.read_bytes()[:MIB])
    for sector in bad:
        expected[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)
    assert buffer == expected
    assert rescuer.bad == [Extent(3 * SECTOR, 2 * SECTOR), Extent(700 * SECTOR, 2 * SECTOR), Extent(1500 * SECTOR, SECTOR)]


def test_a_sector_that_can_be_had_at_last_is_had(disk: Path) -> None:
    rescuer = Rescuer(FailingReader(disk, weak={10: 4}))
    buffer = bytearray(MIB)
    rescuer.read_into(0, memoryview(buffer))
    assert buffer == disk.read_bytes()[:MIB]
    assert rescuer.bad == []


def test_a_read_that_begins_within_a_sector_is_rescued_too(disk: Path) -> None:
    rescuer = Rescuer(FailingReader(disk, {8}))
    buffer = bytearray(10_000)
    rescuer.read_into(100, memoryview(buffer))
    expected = bytearray(disk.read_bytes()[100:10_100])
    expected[8 * SECTOR - 100 : 9 * SECTOR - 100] = bytes(SECTOR)
    assert buffer == expected


def test_a_disk_that_is_gone_stops_resumably(disk: Path) -> None:
    with pytest.raises(SourceVanished, match="No such device") as caught:
        Rescuer(FailingReader(disk, vanishes_after=0)).read_into(0, memoryview(bytearray(4096)))
    assert caught.value.exit_code == 4
    reader = FailingReader(disk, {0})
    disk.unlink()
    with pytest.raises(SourceVanished, match="not there any more"):
        Rescuer(reader).read_into(0, memoryview(bytearray(4096)))


def test_a_disk_of_which_nothing_can_be_read_is_gone(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "_DEAD_BYTES", 64 * 1024)
    with pytest.raises(SourceVanished, match="64 KiB in a row cannot be read"):
        Rescuer(FailingReader(disk, set(range(4096)))).read_into(0, memoryview(bytearray(MIB)))
