"""XP and 2003 started by BIOS read with the geometry in the NTFS boot sector, where the old BIOS's number of heads is.

A virtual machine's BIOS counts as this table says (SeaBIOS, the translation of large disks): byte 0x1A, two bytes.
"""

import struct

from .model import PatchVolume, Planned, Repair, Windows

_HEADS_AT = 0x1A
_SECTOR = 512
# The largest disk, in cylinders of 63 sectors, that is reached with so many heads and 1024 cylinders.
_HEADS = ((1024 * 64 * 63 * _SECTOR, 0x40), (1024 * 128 * 63 * _SECTOR, 0x80))


def heads(disk_bytes: int) -> int:
    """How many heads a virtual machine's BIOS gives a disk of this size."""
    return next((count for size, count in _HEADS if disk_bytes < size), 0xFF)


def _plan(guest: Windows) -> Planned:
    if guest.version[0] != 5 or guest.uefi or guest.boot_sector[3:11] != b"NTFS    ":
        return Planned()
    (now,) = struct.unpack_from("<H", guest.boot_sector, _HEADS_AT)
    wanted = heads(guest.disk_bytes)
    if now == wanted:
        return Planned()
    return Planned((PatchVolume(_HEADS_AT, struct.pack("<H", wanted), f"{wanted} heads instead of {now}"),))


REPAIR = Repair("boot-sector", "an old Windows is read with the geometry of a virtual machine", _plan)
