"""qcow2 images, with qemu-img as the referee."""

import json
import mmap
from pathlib import Path

import pytest

from p2v.image.model import Disk
from p2v.image.qcow2 import CLUSTER, Qcow2
from p2v.image.qcow2_zstd import Qcow2Zstd
from p2v.types import BlockMap, DiskData, Extent, Literal
from tests.p2v.disks import patch, run
from tests.p2v.image.render import SAMPLES, render, sample

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize("name", SAMPLES)
def test_qemu_finds_it_whole_and_equal(tmp_path: Path, name: str) -> None:
    disk, data = sample(*SAMPLES[name])
    image, raw = tmp_path / "image", tmp_path / "raw"
    raw.write_bytes(data)
    render(Qcow2(disk), [data], image)
    assert "No errors were found" in run("qemu-img", "check", "-f", "qcow2", image)
    assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, image)
    told = json.loads(run("qemu-img", "info", "--output=json", image))
    assert (told["virtual-size"], told["format-specific"]["data"]["compat"]) == (len(data), "1.1")


@pytest.mark.parametrize("name", SAMPLES)
def test_compressed_it_is_whole_and_equal_too(tmp_path: Path, name: str) -> None:
    disk, data = sample(*SAMPLES[name])
    image, raw = tmp_path / "image", tmp_path / "raw"
    raw.write_bytes(data)
    render(Qcow2Zstd(disk), [data], image)
    assert "No errors were found" in run("qemu-img", "check", "-f", "qcow2", image)
    assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, image)
    told = json.loads(run("qemu-img", "info", "--output=json", image))
    assert told["format-specific"]["data"]["compression-type"] == "zstd"


def test_compressed_text_is_small_and_zeros_are_nothing(tmp_path: Path) -> None:
    size = 700 * MIB  # two L2 tables
    text = b"the same words again " * 200_000
    disk = Disk(BlockMap(size, (Extent(500 * MIB, 40 * MIB),)))
    image, raw = tmp_path / "image", tmp_path / "raw"
    with raw.open("wb") as file:
        file.truncate(size)
    patch(raw, 511 * MIB, text)
    with raw.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
        render(Qcow2Zstd(disk), [data], image)
    assert image.stat().st_size < MIB
    assert "No errors were found" in run("qemu-img", "check", "-f", "qcow2", image)
    assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, image)


def test_a_disk_of_three_tebibytes_has_its_few_clusters_and_no_more(tmp_path: Path) -> None:
    size = 3 * 1024 * GIB
    runs = (Extent(0, CLUSTER), Extent(1500 * GIB - CLUSTER, 2 * CLUSTER), Extent(size - CLUSTER, CLUSTER))
    writer = Qcow2(Disk(BlockMap(size, runs)))

    image = tmp_path / "image"
    with image.open("wb") as file:
        for piece in writer.pieces():
            assert isinstance(piece, Literal | DiskData)
            file.write(piece.data if isinstance(piece, Literal) else b"d" * piece.length)
    assert writer.length_bytes < 20 * CLUSTER
    assert "No errors were found" in run("qemu-img", "check", "-f", "qcow2", image)
    told = json.loads(run("qemu-img", "map", "--output=json", image))
    assert [(part["start"], part["length"]) for part in told if part["data"]] == [(run.start, run.length) for run in runs]


def test_refcount_blocks_are_counted_where_they_are_many() -> None:
    size = 40 * GIB
    writer = Qcow2(Disk(BlockMap(size, (Extent(0, size),))))
    clusters = writer.length_bytes // CLUSTER
    blocks = -(-clusters // 32768)
    assert clusters == 1 + 1 + 1 + blocks + 80 + size // CLUSTER
