"""What mapping a disk came to: the map, and a word about each volume."""

from dataclasses import dataclass

from ..layout.model import Content
from ..types import BlockMap, Extents
from .extents import total


@dataclass(frozen=True)
class Dropped:
    """A file of a volume that is left out, and where in the volume its content is."""

    name: str
    places: Extents

    @property
    def size_bytes(self) -> int:
        """How much is not copied."""
        return total(self.places)


@dataclass(frozen=True)
class VolumeMap:
    """One volume: how many of its bytes are copied, and why all of them where that is so."""

    name: str
    content: Content
    size_bytes: int
    copied_bytes: int
    whole_because: str
    depth: int = 0
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True)
class DiskMap:
    """A disk's map with what was learned on the way."""

    block_map: BlockMap
    zeros: Extents  # in use, and known to be zero without being read: holes of an image file
    table: str
    volumes: tuple[VolumeMap, ...]
    remarks: tuple[str, ...]
