"""FAT12/16/32 (Microsoft, "FAT: General Overview of On-Disk Format") and exFAT ("exFAT file system specification")."""

import struct

from ..types import Reader
from .model import Content, Kind


def recognise_fat(volume: Reader) -> Content | None:
    """The file system, or None."""
    sector = volume.read(0, 512)
    if len(sector) < 512 or sector[510:] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return None
    sector_bytes, per_cluster, reserved, copies, root, small, media, per_fat16 = struct.unpack_from("<HBHBHHBH", sector, 11)
    if sector_bytes not in (512, 1024, 2048, 4096) or per_cluster not in {1 << shift for shift in range(8)}:
        return None
    if reserved == 0 or copies not in (1, 2) or (media < 0xF8 and media != 0xF0):
        return None
    large, per_fat32 = struct.unpack_from("<II", sector, 32)
    sectors, per_fat = small or large, per_fat16 or per_fat32
    root_sectors = -(-root * 32 // sector_bytes)
    clusters = (sectors - reserved - copies * per_fat - root_sectors) // per_cluster
    if sectors == 0 or per_fat == 0 or clusters <= 0:
        return None
    bits = 32 if root == 0 and per_fat16 == 0 else 12 if clusters < 4085 else 16
    serial, label = struct.unpack_from("<I11s", sector, 67 if bits == 32 else 39)
    return Content(
        Kind.FAT,
        f"FAT{bits}",
        label=label.decode("latin-1").strip().replace("NO NAME", ""),
        uuid=f"{serial >> 16:04X}-{serial & 0xFFFF:04X}",
        size_bytes=sectors * sector_bytes,
        whole_because=_unclean(volume, sector, reserved * sector_bytes, bits),
    )


def _unclean(volume: Reader, sector: bytes, table: int, bits: int) -> str:
    """Windows marks a mounted volume in the second entry of its table, Linux in a byte of the boot sector
    (FAT_STATE_DIRTY in the kernel's msdos_fs.h).
    """
    dirty = bool(sector[65 if bits == 32 else 37] & 1)
    entries = volume.read(table, 8)
    if bits != 12 and len(entries) == 8:
        dirty |= not (entries[7] & 0x08 if bits == 32 else entries[3] & 0x80)
    return "it was not unmounted" if dirty else ""


def recognise_exfat(volume: Reader) -> Content | None:
    """The file system, or None."""
    sector = volume.read(0, 512)
    if len(sector) < 512 or sector[3:11] != b"EXFAT   " or sector[510:] != b"\x55\xaa":
        return None
    sectors, serial, flags, shift = struct.unpack_from("<64x8xQ20xI2xHB", sector)
    if not 9 <= shift <= 12:
        return None
    why = "it was not unmounted" if flags & 2 else "it saw media failures" if flags & 4 else ""
    return Content(
        Kind.EXFAT, "exFAT", uuid=f"{serial >> 16:04X}-{serial & 0xFFFF:04X}", size_bytes=sectors << shift, whole_because=why
    )
