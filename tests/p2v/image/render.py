"""Images without the copy engine: pieces filled in the plainest way, so that a format's test tests the format alone."""

import mmap
import random
from collections.abc import Sequence
from pathlib import Path

from p2v.image.model import Disk
from p2v.types import BlockMap, Coded, DiskData, Extent, Hole, ImageWriter, Late, Literal, Patch

SECTOR = 512


def render(writer: ImageWriter, disks: Sequence[bytes | mmap.mmap], path: Path) -> None:
    """Write the image; its length is what the writer said."""
    with path.open("w+b") as file:
        for piece in writer.pieces():
            match piece:
                case Literal(data):
                    file.write(data)
                case DiskData(disk, offset, length):
                    file.write(_exactly(disks[disk], offset, length))
                case Hole(length):
                    file.seek(length, 1)
                case Coded(disk, offset, length, code, coded_length, placed):
                    place = file.tell()
                    coded = code(memoryview(_exactly(disks[disk], offset, length)))
                    assert coded_length in (None, len(coded))
                    file.write(coded)
                    if placed:
                        placed(place, coded)
                case Patch(patches):
                    end = file.tell()
                    for place, data in patches():
                        file.seek(place)
                        assert not file.read(len(data)).strip(b"\0"), "it was left as a hole"
                        file.seek(place)
                        file.write(data)
                    file.seek(end)
                case Late(make, length):
                    data = make()
                    assert length in (None, len(data))
                    file.write(data)
        file.truncate()
        assert writer.length_bytes in (None, file.tell())


def _exactly(disk: bytes | mmap.mmap, offset: int, length: int) -> bytes:
    assert 0 <= offset <= offset + length <= len(disk)
    return disk[offset : offset + length]


def sample(size_bytes: int, used: Sequence[tuple[int, int]], seed: int = 1) -> tuple[Disk, bytes]:
    """A disk whose used runs hold noise and whose rest is zeros, so that a whole image must compare equal."""
    rng = random.Random(seed)
    data = bytearray(size_bytes)
    for start, length in used:
        data[start : start + length] = rng.randbytes(length)
    return Disk(BlockMap(size_bytes, tuple(Extent(*run) for run in used)), "disk"), bytes(data)


MIB = 1 << 20
# Sizes and runs at the corners of every format's grid: nothing in use, all, ends within a cluster, a grain, a block, a table.
SAMPLES = {
    "empty": (8 * MIB, []),
    "full": (4 * MIB, [(0, 4 * MIB)]),
    "corners": (
        70 * MIB + 512,
        [(0, 4096), (65536 - 512, 1024), (2 * MIB - 4096, 8192), (33 * MIB + 4096, 3 * MIB), (70 * MIB, 512)],
    ),
    "odd": (5 * MIB + 512 * 7, [(5 * MIB, 512 * 7)]),
    "small": (512, [(0, 512)]),
    "dense": (6 * MIB, [(start, 4096) for start in range(0, 6 * MIB, 16384)]),
}
