"""A disk out of an XVA: its chunks and the zeros between them; damage is named."""

import random
import uuid
from pathlib import Path

import pytest

from p2v.image.model import Disk, Identity
from p2v.image.ova import Machine
from p2v.image.xva import Xva
from p2v.source.xva import XvaError, XvaReader
from p2v.types import BlockMap, Extent
from tests.p2v.disks import patch
from tests.p2v.image.render import render, sample
from xeninstall.base.errors import Error

MIB = 1 << 20
IDENTITY = Identity(uuid.UUID(int=9), 1_700_000_000)


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, bytes]:
    (_, data), (_, other) = sample(9 * MIB, [(0, 5000), (4 * MIB + 512, 2 * MIB)]), sample(2 * MIB, [(0, MIB)], seed=2)
    disks = [Disk(BlockMap(9 * MIB, (Extent(0, 5000), Extent(4 * MIB, 3 * MIB)))), Disk(BlockMap(2 * MIB, (Extent(0, MIB),)))]
    path = tmp_path / "image.xva"
    render(Xva(disks, Machine("m"), IDENTITY), [data, other], path)
    return path, data


def test_every_byte_is_there(image: tuple[Path, bytes]) -> None:
    path, data = image
    reader = XvaReader(path, 0, len(data))
    assert reader.size_bytes == 9 * MIB and reader.read(0, 10 * MIB) == data
    assert reader.read(4 * MIB - 100, 200) == data[4 * MIB - 100 : 4 * MIB + 100] and reader.read(9 * MIB, 5) == b""
    reader.expect(0, 9 * MIB)
    reader.close()
    with pytest.raises(XvaError, match="holds 2 disks, and disk 3 is asked for"):
        XvaReader(path, 2, MIB)


def test_damage_is_named(image: tuple[Path, bytes], tmp_path: Path) -> None:
    path, _ = image
    whole = path.read_bytes()
    (tmp_path / "text").write_bytes(b"this is no archive" * 100)
    with pytest.raises(XvaError, match="is damaged at byte 0"):
        XvaReader(tmp_path / "text", 0, MIB)
    rng = random.Random(4)
    headers = [place for place in range(0, len(whole), 512) if whole[place + 257 : place + 262] == b"ustar"]
    for _ in range(60):
        path.write_bytes(whole)
        patch(path, rng.choice(headers) + rng.choice([0, 5, 124, 125, 130, 148]), bytes([rng.choice([0, 0x37, 0x80, 0xFF])]))
        try:
            reader = XvaReader(path, 0, 9 * MIB)
            reader.read(0, 9 * MIB)
            reader.close()
        except (Error, OSError):
            continue
