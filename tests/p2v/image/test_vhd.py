"""Dynamic VHD images, with qemu-img as the referee."""

import json
import uuid
from pathlib import Path

import pytest

from p2v.image.model import Disk, FormatError, Identity
from p2v.image.vhd import Vhd, geometry
from p2v.types import BlockMap, Extent, Literal
from tests.p2v.disks import run
from tests.p2v.image.render import MIB, SAMPLES, render, sample

IDENTITY = Identity(uuid.UUID(int=5), 1_700_000_000)
GIB = 1 << 30


@pytest.mark.parametrize("name", SAMPLES)
def test_qemu_finds_it_equal_and_of_whole_blocks(tmp_path: Path, name: str) -> None:
    disk, data = sample(*SAMPLES[name])
    image, raw = tmp_path / "image", tmp_path / "raw"
    size = -(-len(data) // (2 * MIB)) * 2 * MIB
    raw.write_bytes(data.ljust(size, b"\0"))
    render(Vhd(disk, IDENTITY), [data], image)
    told = json.loads(run("qemu-img", "info", "--output=json", "-f", "vpc", image))
    assert told["virtual-size"] == size
    assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "vpc", raw, image)


def test_what_its_header_says_is_what_xen_wants(tmp_path: Path) -> None:
    disk, data = sample(*SAMPLES["corners"])
    render(Vhd(disk, IDENTITY), [data], tmp_path / "image")
    image = (tmp_path / "image").read_bytes()
    assert image[:512] == image[-512:]
    assert image[28:32] == b"tap\0"
    for place, size, at in ((0, 512, 64), (512, 1024, 36)):
        block = bytearray(image[place : place + size])
        checksum = int.from_bytes(block[at : at + 4], "big")
        block[at : at + 4] = bytes(4)
        assert ~sum(block) & 0xFFFFFFFF == checksum


def test_a_disk_beyond_the_limit_is_refused_before_anything_is_written() -> None:
    with pytest.raises(FormatError, match="VHD holds at most 2040 GiB, and sda has 3072 GiB") as caught:
        Vhd(Disk(BlockMap(3072 * GIB, ()), "sda"), IDENTITY)
    assert "qcow2" in caught.value.hint
    assert caught.value.exit_code == 3
    largest = Vhd(Disk(BlockMap(2040 * GIB, (Extent(2040 * GIB - 512, 512),))), IDENTITY)
    first = next(iter(largest.pieces()))
    assert isinstance(first, Literal)


GEOMETRIES = [(100 * MIB, (1003, 12, 17)), (10 * GIB, (20805, 16, 63)), (200 * GIB, (65535, 16, 255))]


@pytest.mark.parametrize(("size", "expected"), GEOMETRIES)
def test_the_geometry_is_the_specification_s(size: int, expected: tuple[int, int, int]) -> None:
    packed = geometry(size)
    assert (int.from_bytes(packed[:2], "big"), packed[2], packed[3]) == expected
