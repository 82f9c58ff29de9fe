"""A volume as a Reader over its disk: some runs of the disk, one after the other."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from ..types import Extent, Reader
from .model import Damaged


class SegmentReader:
    """The bytes of a volume."""

    def __init__(self, disk: Reader, segments: Sequence[Extent], name: str = "") -> None:
        self._disk, self._segments = disk, tuple(segments)
        self._begins = [0, *accumulate(segment.length for segment in segments)]
        self._name = name or disk.name

    @property
    def name(self) -> str:
        """The volume's name."""
        return self._name

    @property
    def size_bytes(self) -> int:
        """The volume's size."""
        return self._begins[-1]

    def read(self, offset: int, length: int) -> bytes:
        """See Reader.read."""
        wanted = min(length, self.size_bytes - offset)
        if offset < 0 or wanted <= 0:
            return b""
        return b"".join(self._disk.read(*part) for part in carve(self._segments, offset, wanted, self._begins))

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """See Reader.read_into."""
        done = 0
        for start, length in carve(self._segments, offset, len(buffer), self._begins):
            self._disk.read_into(start, buffer[done : done + length])
            done += length


def carve(segments: Sequence[Extent], offset: int, length: int, begins: Sequence[int] | None = None) -> tuple[Extent, ...]:
    """The disk's segments of a part of a volume, in the volume's order. Raises Damaged when the part is not all there."""
    begins = begins or [0, *accumulate(segment.length for segment in segments)]
    if offset < 0 or length <= 0 or offset + length > begins[-1]:
        raise Damaged(f"{length} bytes at {offset} are not within its {begins[-1]} bytes")
    found: list[Extent] = []
    index = bisect_right(begins, offset) - 1
    while length > 0:
        inside = offset - begins[index]
        taken = min(length, segments[index].length - inside)
        start = segments[index].start + inside
        if found and found[-1].end == start:
            found[-1] = Extent(found[-1].start, found[-1].length + taken)
        else:
            found.append(Extent(start, taken))
        offset, length, index = offset + taken, length - taken, index + 1
    return tuple(found)


def need(reader: Reader, offset: int, length: int) -> bytes:
    """Exactly these bytes. Raises Damaged when the volume ends before."""
    data = reader.read(offset, length)
    if len(data) != length:
        raise Damaged(f"it ends before the {length} bytes at {offset}")
    return data
