"""Pieces of an image as units of work of up to a MiB: what is read, digested and written in one go.

The same pieces give the same units, so that a resumed copy finds where it stood.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from xeninstall.base.sizes import MIB

from .types import Coded, DiskData, Hole, Late, Literal, Patch, Piece

UNIT_BYTES = MIB
# A hole below this is written as zeros within its unit.
_SMALL_HOLE = 64 * 1024


@dataclass
class Data:
    """Consecutive bytes of the image; zeros where no part fills them."""

    length: int = 0
    parts: list[tuple[int, Literal | DiskData]] = field(default_factory=list)  # by place within the unit

    @property
    def disk_bytes(self) -> int:
        """How much of it comes from disks."""
        return sum(part.length for _, part in self.parts if isinstance(part, DiskData))


Unit = Data | Hole | Coded | Late | Patch


def units(pieces: Iterable[Piece]) -> Iterator[Unit]:
    """The units in the order of the image."""
    unit = Data()
    for piece in pieces:
        if isinstance(piece, Coded | Late | Patch) or (isinstance(piece, Hole) and piece.length >= _SMALL_HOLE):
            if unit.length:
                yield unit
                unit = Data()
            yield piece
            continue
        for part in _cut(piece, UNIT_BYTES - unit.length):
            if unit.length == UNIT_BYTES:
                yield unit
                unit = Data()
            if not isinstance(part, Hole):
                unit.parts.append((unit.length, part))
            unit.length += _length(part)
    if unit.length:
        yield unit


def _length(piece: Literal | DiskData | Hole) -> int:
    return len(piece.data) if isinstance(piece, Literal) else piece.length


def _cut(piece: Literal | DiskData | Hole, first: int) -> Iterator[Literal | DiskData | Hole]:
    """The piece in parts that fill a unit each; the first one fills what is left of the unit at hand."""
    length, place = _length(piece), 0
    step = first or UNIT_BYTES
    while place < length:
        taken = min(step, length - place)
        match piece:
            case Literal(data):
                yield piece if taken == length else Literal(data[place : place + taken])
            case DiskData(disk, offset, _):
                yield DiskData(disk, offset + place, taken)
            case Hole():
                yield Hole(taken)
        place, step = place + taken, UNIT_BYTES
