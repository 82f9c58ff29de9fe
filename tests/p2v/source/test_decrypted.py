"""What is written into a decrypted view goes encrypted to its place, and nowhere else."""

import os
import random
from pathlib import Path

import pytest

from p2v.source.decrypted import decrypted_view
from p2v.source.sectors import Sectors
from p2v.source.view import ViewError
from p2v.types import Encryption, Extent
from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root
_MIB = 1 << 20


@pytest.mark.parametrize("sector_bytes", [512, 4096])
def test_a_volume_in_three_runs_of_two_disks(tmp_path: Path, sector_bytes: int) -> None:
    rng = random.Random(5)
    disks = [tmp_path / "one", tmp_path / "two"]
    before = [bytearray(rng.randbytes(4 * _MIB)) for _ in disks]
    for path, data in zip(disks, before, strict=True):
        path.write_bytes(data)
    places = [(1, Extent(_MIB, _MIB)), (0, Extent(2 * _MIB, _MIB)), (1, Extent(3 * _MIB, _MIB // 2))]
    key, how = rng.randbytes(64), Encryption("aes-xts-plain64", _MIB // 2, None, sector_bytes, 8)
    expected = bytearray(rng.randbytes(2 * _MIB))
    with decrypted_view(disks, places, how, key, SystemRunner()) as path:
        assert path.stat().st_size == 2 * _MIB
        with path.open("r+b") as file:
            file.write(expected)
            # Not at sectors: whoever shows it reads, changes and writes whole ones.
            for place in (1, 511, _MIB // 2 - 3, _MIB + 100, 2 * _MIB - 7):
                piece = rng.randbytes(7)
                file.seek(place)
                file.write(piece)
                expected[place : place + 7] = piece
        assert path.read_bytes() == bytes(expected)
    coded = Sectors("aes-xts-plain64", key, sector_bytes, 8).encrypt(0, bytes(expected))
    half = _MIB // 2
    before[1][_MIB + half : 2 * _MIB] = coded[:half]
    before[0][2 * _MIB : 3 * _MIB] = coded[half : half + _MIB]
    before[1][3 * _MIB : 3 * _MIB + half] = coded[half + _MIB :]
    assert [path.read_bytes() for path in disks] == [bytes(data) for data in before]
    with decrypted_view(disks, places, how, key, SystemRunner()) as path:
        assert path.read_bytes() == bytes(expected)


def test_a_cipher_that_is_not_known_is_told_by_name() -> None:
    with pytest.raises(Error, match="encrypted by serpent-xts-plain64"):
        Sectors("serpent-xts-plain64", bytes(64), 512, 0)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(_MIB))
    how = Encryption("aes-xts-plain64", 4096, _MIB)
    with (
        pytest.raises(ViewError, match="larger than its place"),
        decrypted_view([tmp_path / "disk"], [(0, Extent(0, _MIB))], how, os.urandom(64), SystemRunner()),
    ):
        pass
