"""Null: what is in use, one run after the other, for measuring and testing how fast a disk can be read."""

from collections.abc import Iterator

from ..types import DiskData, Piece
from .model import Disk


class Null:
    """No image that anything could open."""

    def __init__(self, disk: Disk) -> None:
        self._map = disk.block_map

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        return self._map.used_bytes

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        for start, length in self._map.used:
            yield DiskData(0, start, length)
