"""The blocks in use of Btrfs, by its own extent tree, which every block of data and of trees is in but those of its log.

partclone 0.3.23 leaves out roots of snapshots, and one of two copies of other roots: files are lost, or GRUB finds nothing.
"""

import struct
from itertools import chain

from ..files.btrfs import BtrfsFiles
from ..files.opened import TROUBLE
from ..types import Extent, Extents, Reader
from .extents import normal
from .partclone import MapError

_COPIES = (0x1_0000, 0x400_0000, 0x40_0000_0000)  # of the superblock
_COPY_BYTES = 4096
# The kernel's BTRFS_FEATURE_INCOMPAT_*: those that leave extents where this looks for them.
_UNDERSTOOD = 0b1_0000_1111_1111_1111


def btrfs_map(volume: Reader, size_bytes: int) -> tuple[Extents, int]:
    """What is in use, and how far the file system reaches. Raises MapError."""
    try:
        block = volume.read(_COPIES[0], _COPY_BYTES)
        features, reach = struct.unpack_from("<Q", block, 0xBC)[0], struct.unpack_from("<Q", block, 0xC9 + 8)[0]
        if features & ~_UNDERSTOOD:
            raise MapError(f"it has features that are not understood: {features & ~_UNDERSTOOD:#x}")
        files = BtrfsFiles(volume)
        copies: list[list[Extent]] = [[] for _ in range(4)]  # no profile has more
        used_bytes = 0
        for _, length, places in files.allocated():
            used_bytes += length
            if length <= 0 or used_bytes > files.used_bytes:
                raise MapError(f"its extents are more than the {files.used_bytes} bytes that it says are in use")
            for found, place in zip(copies, places, strict=False):
                # They come in the order of addresses: what touches becomes one, or a large disk's would fill the memory.
                start = found.pop().start if found and found[-1].end == place else place
                found.append(Extent(start, place + length - start))
    except TROUBLE as error:
        if isinstance(error, MapError):
            raise
        raise MapError(f"its extents cannot be read: {error}") from None
    if used_bytes != files.used_bytes:
        raise MapError(f"its extents add up to {used_bytes} bytes, and it says that {files.used_bytes} are in use")
    supers = [Extent(place, _COPY_BYTES) for place in _COPIES if place + _COPY_BYTES <= size_bytes]
    used = normal([*supers, *chain(*copies)])
    if reach > size_bytes or used[-1].end > size_bytes:
        raise MapError("it reaches beyond the volume")
    return used, reach
