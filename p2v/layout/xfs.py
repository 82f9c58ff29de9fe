"""XFS (XFS Algorithms & Data Structures, "Superblocks"): big-endian, at byte 0. xfs_logprint knows whether its log is clean."""

import struct
import uuid

from ..types import Reader
from .model import Content, Kind


def recognise(volume: Reader) -> Content | None:
    """The file system, or None."""
    block = volume.read(0, 512)
    if len(block) < 512 or block[:4] != b"XFSB":
        return None
    block_bytes, blocks = struct.unpack_from(">IQ", block, 4)
    log_start = struct.unpack_from(">Q", block, 48)[0]
    free = struct.unpack_from(">Q", block, 144)[0]
    why = ""
    if block_bytes not in {1 << shift for shift in range(9, 17)} or blocks == 0:
        why = "its superblock is damaged"
    elif block[126]:
        why = "it was being made or grown when it was left"
    elif log_start == 0:
        why = "its log is on another device"
    elif struct.unpack_from(">Q", block, 16)[0]:
        why = "a part of it is on another device"
    elif free > blocks:
        why = "its superblock says that more is free than there is"
    return Content(
        Kind.XFS,
        "XFS",
        label=block[108:120].split(b"\0")[0].decode("utf-8", "replace"),
        uuid=str(uuid.UUID(bytes=block[32:48])),
        size_bytes=blocks * block_bytes,
        used_bytes=max(blocks - free, 0) * block_bytes,
        whole_because=why,
    )
