"""ext2, ext3 and ext4 (kernel documentation, filesystems/ext4/super): the superblock at byte 1024."""

import struct
import uuid

from ..types import Reader
from .model import Content, Kind

_HAS_JOURNAL, _RECOVER, _JOURNAL_DEVICE, _EXTENTS, _64BIT = 0x4, 0x4, 0x8, 0x40, 0x80
_BIGALLOC = 0x200


def recognise(volume: Reader) -> Content | None:
    """The file system, or None."""
    block = volume.read(1024, 1024)
    if len(block) < 1024 or block[56:58] != b"\x53\xef":
        return None
    blocks, free, log = struct.unpack_from("<4xI4xI8xI", block)
    state = struct.unpack_from("<H", block, 58)[0]
    compatible, incompatible = struct.unpack_from("<II", block, 92)
    if log > 6:
        return None
    if incompatible & _64BIT:
        high_blocks, _, high_free = struct.unpack_from("<III", block, 0x150)
        blocks, free = blocks | high_blocks << 32, free | high_free << 32
    title = "ext4" if incompatible & (_EXTENTS | _64BIT) else "ext3" if compatible & _HAS_JOURNAL else "ext2"
    why = ""
    if incompatible & _JOURNAL_DEVICE:
        title, why = "ext journal", "it is the journal of another file system"
    elif incompatible & _RECOVER:
        # What the journal holds is not yet in the bitmaps: blocks in use would be left out.
        why = "it was not unmounted, and its journal waits to be replayed"
    elif not state & 1 or state & 2:
        why = "it was not unmounted, or has errors"
    elif struct.unpack_from("<I", block, 100)[0] & _BIGALLOC:
        why = "its bitmaps count clusters (bigalloc), which partclone takes for blocks"
    elif free > blocks:
        why = "its superblock says that more is free than there is"
    return Content(
        Kind.EXT,
        title,
        label=block[120:136].split(b"\0")[0].decode("utf-8", "replace"),
        uuid=str(uuid.UUID(bytes=block[104:120])),
        size_bytes=blocks << (10 + log),
        used_bytes=max(blocks - free, 0) << (10 + log),
        whole_because=why,
    )
