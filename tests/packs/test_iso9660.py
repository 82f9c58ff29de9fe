"""ISO images that are damaged or made to do harm end in a message, never in a loop, a traceback or a file elsewhere."""

import random
import struct
import subprocess
from pathlib import Path

import pytest

from xeninstall.packs.errors import PackError
from xeninstall.packs.iso9660 import SECTOR_BYTES, names, read_iso
from xeninstall.packs.tree import Limits, Tree

from .given import FILES, folder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("iso")
    long = "firmware/" + "long-name-" * 15 + ".bin"  # more than one directory record holds
    source = folder(place / "pack", {**FILES, long: b"long"})
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-o", str(place / "a.iso"), str(source)]
    subprocess.run(argv, check=True, capture_output=True)
    return (place / "a.iso").read_bytes()


def copied(data: bytes, place: Path, limits: Limits | None = None) -> set[str]:
    """Read everything of an image; the files that came."""
    place.mkdir(exist_ok=True)
    (place / "x.iso").write_bytes(data)
    tree = place / "tree"
    tree.mkdir()
    read_iso(place / "x.iso", Tree(tree, limits or Limits()), "", None)
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def test_long_names_are_put_together(image: bytes, tmp_path: Path) -> None:
    assert {*FILES, "pack.toml", "firmware/" + "long-name-" * 15 + ".bin"} == copied(image, tmp_path)
    assert ("firmware", True) in names(tmp_path / "x.iso")
    assert names(tmp_path / "x.iso", "nowhere") == []


@pytest.mark.parametrize("sectors", [0, 10, 17, 25, 40])
def test_a_truncated_image_is_refused(image: bytes, tmp_path: Path, sectors: int) -> None:
    with pytest.raises(PackError) as caught:
        copied(image[: sectors * SECTOR_BYTES], tmp_path)
    assert caught.value.message in ("the ISO image ends too early", "this is no ISO 9660 image")


def test_a_directory_that_holds_itself_ends(image: bytes, tmp_path: Path) -> None:
    data = bytearray(image)
    root = data[16 * SECTOR_BYTES + 156 : 16 * SECTOR_BYTES + 190]
    start = struct.unpack_from("<I", root, 2)[0]
    at = start * SECTOR_BYTES
    while data[at + 25] & 2 == 0 or data[at + 32] == 1:  # the first directory in the root that is not itself or its parent
        at += data[at]
    data[at + 2 : at + 10] = root[2:10]
    with pytest.raises(PackError) as caught:
        copied(bytes(data), tmp_path)
    assert caught.value.message == "the directories of the ISO image go round in a circle, or too deep"


def test_flipped_bytes_are_read_or_refused(image: bytes, tmp_path: Path) -> None:
    dice = random.Random(20261123)
    for number in range(50):
        data = bytearray(image)
        for _ in range(4):
            data[dice.randrange(16 * SECTOR_BYTES, min(len(data), 60 * SECTOR_BYTES))] = dice.randrange(256)
        try:
            copied(bytes(data), tmp_path / str(number), Limits(bytes=2_000_000, files=200))
        except PackError as error:
            assert error.message and error.hint
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
