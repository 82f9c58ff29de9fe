"""streamOptimized VMDK images, with qemu-img as the referee."""

import json
import uuid
from pathlib import Path

import pytest

from p2v.image.model import Identity
from p2v.image.vmdk import Vmdk
from tests.p2v.disks import run
from tests.p2v.image.render import SAMPLES, render, sample

IDENTITY = Identity(uuid.UUID(int=6), 1_700_000_000)


@pytest.mark.parametrize("level", [0, 1, 6])
@pytest.mark.parametrize("name", SAMPLES)
def test_qemu_finds_it_whole_and_equal(tmp_path: Path, name: str, level: int) -> None:
    disk, data = sample(*SAMPLES[name])
    image, raw = tmp_path / "image", tmp_path / "raw"
    raw.write_bytes(data)
    writer = Vmdk(disk, IDENTITY, level=level)
    assert (writer.length_bytes is None) == (level > 0)
    render(writer, [data], image)
    assert "No errors were found" in run("qemu-img", "check", "-f", "vmdk", image)
    assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "vmdk", raw, image)
    told = json.loads(run("qemu-img", "info", "--output=json", image))
    assert (told["virtual-size"], told["format-specific"]["data"]["create-type"]) == (len(data), "streamOptimized")


def test_compression_makes_it_smaller(tmp_path: Path) -> None:
    disk, data = sample(4 << 20, [(0, 4 << 20)])
    text = b"the same words again " * (len(data) // 21 + 1)
    for level in (0, 6):
        render(Vmdk(disk, IDENTITY, level=level), [text[: len(data)]], tmp_path / str(level))
    assert (tmp_path / "6").stat().st_size * 5 < (tmp_path / "0").stat().st_size
