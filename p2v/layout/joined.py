"""Several disks as one run of bytes, so that what lies on two of them has places like anything else."""

from bisect import bisect_right
from collections.abc import Sequence

from ..types import Extent, Reader

# Each disk begins at a multiple of it, so that what is aligned on the disk stays aligned.
_ALIGNMENT = 1 << 20


class Joined:
    """A Reader over the disks, one behind the other. With one disk, its places are the disk's own."""

    def __init__(self, disks: Sequence[Reader]) -> None:
        self._disks = tuple(disks)
        self.disks: list[Extent] = []  # where each one is
        place = 0
        for disk in disks:
            self.disks.append(Extent(place, disk.size_bytes))
            place = -(-(place + disk.size_bytes) // _ALIGNMENT) * _ALIGNMENT
        self._begins = [extent.start for extent in self.disks]

    @property
    def name(self) -> str:
        """The names of all."""
        return ", ".join(disk.name for disk in self._disks)

    @property
    def size_bytes(self) -> int:
        """Up to the end of the last disk."""
        return self.disks[-1].end if self.disks else 0

    def read(self, offset: int, length: int) -> bytes:
        """See Reader.read. Nothing is read from one disk into the next."""
        number = self.number(offset)
        return self._disks[number].read(offset - self._begins[number], length) if number >= 0 else b""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """See Reader.read_into."""
        number = self.number(offset)
        self._disks[number].read_into(offset - self._begins[number], buffer)

    def number(self, offset: int) -> int:
        """Which disk a byte is on."""
        return bisect_right(self._begins, offset) - 1

    def local(self, extent: Extent) -> tuple[int, Extent]:
        """A run as a disk's number and the run of it."""
        number = self.number(extent.start)
        return number, Extent(extent.start - self._begins[number], extent.length)

    def moved(self, number: int, extent: Extent) -> Extent:
        """A run of a disk as a run of the whole."""
        return Extent(extent.start + self._begins[number], extent.length)
