"""What is known by name only: file systems and members of storage systems that are copied whole, and some that partclone maps."""

import struct

from ..types import Reader
from .model import Content, Kind

# Name, offset and bytes: from each format's own documentation; the same as in util-linux's libblkid.
_MARKS = (
    ("ReFS", 3, b"ReFS\0\0\0\0"),
    ("APFS", 32, b"NXSB"),
    ("squashfs", 0, b"hsqs"),
    ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ("ISO 9660", 32769, b"CD001"),
    ("UDF", 32769, b"BEA01"),
    ("JFS", 32768, b"JFS1"),
    ("ReiserFS", 65588, b"ReIsEr"),
    ("bcache", 4120, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")),
    ("bcachefs", 4120, bytes.fromhex("c68573f66666904bd9a66bfe10d29dd2")),
    ("VMFS", 0x100000, b"\x0d\xd0\x01\xc0"),
    ("Ceph", 0, b"bluestore block device"),
    ("DRBD", -4096 + 60, b"\x83\x74\x02\x6b"),
    ("Intel RAID", -1024, b"Intel Raid ISM Cfg Sig. "),
)
_ZFS_UBERBLOCK = (b"\x0c\xb1\xba\0\0\0\0\0", b"\0\0\0\0\0\xba\xb1\x0c")


def recognise(volume: Reader) -> Content | None:
    """The first that matches, or None."""
    for name, offset, mark in _MARKS:
        place = offset if offset >= 0 else volume.size_bytes + offset
        if place >= 0 and volume.read(place, len(mark)) == mark:
            return Content(Kind.OTHER, name, whole_because=f"no map of {name} is known")
    if _is_zfs(volume):
        return Content(Kind.OTHER, "ZFS", whole_because="no map of ZFS is known")
    return None


def recognise_mapped(volume: Reader) -> Content | None:
    """F2FS and HFS+, which partclone maps."""
    block = volume.read(1024, 512)
    if len(block) < 512:
        return None
    if block[:4] == b"\x10\x20\xf5\xf2":
        return _f2fs(volume, block)
    if block[:2] in (b"H+", b"HX"):
        attributes = struct.unpack_from(">I", block, 4)[0]
        size, blocks = struct.unpack_from(">II", block, 40)
        clean = attributes & 0x100 and not attributes & 0x800
        return Content(Kind.HFSPLUS, "HFS+", size_bytes=size * blocks, whole_because="" if clean else "it was not unmounted")
    return None


def _f2fs(volume: Reader, block: bytes) -> Content | None:
    block_log, per_segment_log = struct.unpack_from("<II", block, 16)
    blocks, checkpoint = struct.unpack_from("<Q32xI", block, 36)
    if not (block_log == 12 and per_segment_log == 9 and checkpoint):
        return None
    packs = [volume.read((checkpoint + pack * 512) * 4096, 136) for pack in (0, 1)]
    newest = max(
        (pack for pack in packs if len(pack) == 136), key=lambda pack: struct.unpack_from("<Q", pack)[0], default=bytes(136)
    )
    # Files synced after the last checkpoint are found by rolling forward; its tables do not know their blocks.
    clean = newest[132] & 1
    return Content(Kind.F2FS, "F2FS", size_bytes=blocks * 4096, whole_because="" if clean else "it was not unmounted")


def _is_zfs(volume: Reader) -> bool:
    # The first label's array of uberblocks; one of them alone could be left over from anything.
    array = volume.read(128 * 1024, 128 * 1024)
    return sum(array[at : at + 8] in _ZFS_UBERBLOCK for at in range(0, len(array), 1024)) >= 2
