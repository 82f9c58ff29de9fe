"""Btrfs (its on-disk format, "Superblock"): little-endian, at byte 65536."""

import struct
import uuid

from ..types import Reader
from .model import Content, Kind


def recognise(volume: Reader) -> Content | None:
    """The file system, or None."""
    block = volume.read(0x10000, 0x1000)
    if len(block) < 0x1000 or block[0x40:0x48] != b"_BHRfS_M":
        return None
    log_root = struct.unpack_from("<Q", block, 0x60)[0]
    devices = struct.unpack_from("<Q", block, 0x88)[0]
    # The superblock's dev_item tells what of the file system is on this device.
    size, used = struct.unpack_from("<QQ", block, 0xC9 + 8)
    why = ""
    if devices != 1:
        why = f"it spans {devices} devices"
    elif log_root:
        # What was synced last is only in the log tree, which the allocation tree does not know.
        why = "it was not unmounted, and its log waits to be replayed"
    elif used > size:
        why = "its superblock says that more is used than there is"
    return Content(
        Kind.BTRFS,
        "Btrfs",
        label=block[0x12B:0x22B].split(b"\0")[0].decode("utf-8", "replace"),
        uuid=str(uuid.UUID(bytes=block[0x20:0x30])),
        size_bytes=size,
        used_bytes=None,  # it counts whole chunks, of which a map finds the blocks in use
        whole_because=why,
        devices=devices,
    )
