"""Raw images."""

from pathlib import Path

import pytest

from p2v.image.null import Null
from p2v.image.raw import Raw
from p2v.types import DiskData, Hole
from tests.p2v.image.render import SAMPLES, render, sample


@pytest.mark.parametrize("name", SAMPLES)
def test_a_raw_image_is_the_disk(tmp_path: Path, name: str) -> None:
    disk, data = sample(*SAMPLES[name])
    render(Raw(disk), [data], tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == data
    assert {type(piece) for piece in Raw(disk).pieces()} <= {DiskData, Hole}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_null_image_is_what_is_in_use(tmp_path: Path, name: str) -> None:
    disk, data = sample(*SAMPLES[name])
    render(Null(disk), [data], tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == b"".join(data[start : start + length] for start, length in disk.block_map.used)
