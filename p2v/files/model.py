"""What each file system can be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..types import Extent, Extents, Reader


class Lost(Exception):
    """A file system's own structures contradict each other; the text says how. Never leaves this package."""


@dataclass(frozen=True)
class Found:
    """A file. `runs` are of the volume, each with its place in the file; what no run tells of is zeros.

    `data` is set where the file is not stored as it is: within a record, or compressed. `bare`: nothing guards its bytes by a
    checksum.
    """

    size_bytes: int
    runs: tuple[tuple[int, Extent], ...] = ()
    data: bytes | None = None
    bare: bool = True

    def read(self, volume: Reader, offset: int, length: int) -> bytes:
        """A part of the file: fewer bytes at its end, none beyond it. Raises OSError."""
        length = max(min(length, self.size_bytes - offset), 0)
        if self.data is not None:
            return self.data[offset : offset + length]
        result = bytearray(length)
        for begin, (start, size) in self.runs:
            first, last = max(begin, offset), min(begin + size, offset + length)
            if first < last:
                part = volume.read(start + first - begin, last - first)
                result[first - offset : first - offset + len(part)] = part
        return bytes(result)


class Findable(Protocol):
    """Files that are found by their paths."""

    def find(self, path: str) -> Found | None:
        """A regular file by its path from the root, with slashes; None where there is none. Raises Error, OSError."""


class Files(Findable, Protocol):
    """An unmounted file system."""

    def hit(self, places: Extents) -> Iterator[str]:
        """What lies at these places of the volume: files by name, else what is known. Raises Error, OSError."""


TABLES = "the file system's own tables, or free space"
