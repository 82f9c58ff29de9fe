"""Raw: the disk as it is, with holes where nothing is in use."""

from collections.abc import Iterator

from ..types import DiskData, Hole, Piece
from .model import Disk


class Raw:
    """The image is as long as the disk."""

    def __init__(self, disk: Disk) -> None:
        self._map = disk.block_map

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        return self._map.size_bytes

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        place = 0
        for start, length in self._map.used:
            if start > place:
                yield Hole(start - place)
            yield DiskData(0, start, length)
            place = start + length
        if place < self._map.size_bytes:
            yield Hole(self._map.size_bytes - place)
