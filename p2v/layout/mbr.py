"""The MBR partition table, with extended partitions: a chain of small tables, each with one partition and a link to the next."""

import struct
from dataclasses import dataclass

from ..types import Extent, Reader
from .model import Damaged
from .segments import need

_EXTENDED = {0x05, 0x0F, 0x85}
_PROTECTIVE = 0xEE
_MAX_LOGICAL = 256
_NAMES = {
    0x01: "FAT12", 0x04: "FAT16", 0x06: "FAT16", 0x07: "NTFS or exFAT", 0x0B: "FAT32", 0x0C: "FAT32", 0x0E: "FAT16",
    0x12: "vendor's recovery", 0x27: "Windows recovery", 0x42: "Windows dynamic disk", 0x82: "Linux swap", 0x83: "Linux",
    0x8E: "Linux LVM", 0xA5: "FreeBSD", 0xA6: "OpenBSD", 0xA8: "macOS", 0xAF: "macOS HFS", 0xBF: "Solaris", 0xEF: "EFI system",
    0xFB: "VMware VMFS", 0xFD: "Linux RAID",
}  # fmt: skip


@dataclass(frozen=True)
class MbrPartition:
    """One partition; numbers from 5 are logical ones."""

    number: int
    extent: Extent
    type: int

    @property
    def role(self) -> str:
        """What the type byte stands for."""
        return _NAMES.get(self.type, f"type {self.type:02x}")


@dataclass(frozen=True)
class Mbr:
    """A table and what is odd about it."""

    partitions: tuple[MbrPartition, ...]
    protective: bool  # it guards a GPT
    hybrid: bool  # it guards a GPT and names partitions besides
    remarks: tuple[str, ...]


def read_mbr(disk: Reader, sector_bytes: int = 512) -> Mbr | None:
    """The table in the first sector, or None where there is none. Raises Damaged when it contradicts itself."""
    sector = disk.read(0, 512)
    if len(sector) < 512 or sector[510:] != b"\x55\xaa":
        return None
    entries = _entries(sector)
    if any(status not in (0, 0x80) for status, _, _, _ in entries) or not any(kind for _, kind, _, _ in entries):
        return None  # a boot sector, or nothing at all
    kinds = [kind for _, kind, _, _ in entries if kind]
    found: list[MbrPartition] = []
    remarks: list[str] = []
    for number, (_, kind, first, count) in enumerate(entries, 1):
        if kind == 0 or count == 0 or kind == _PROTECTIVE:
            continue
        extent = Extent(first * sector_bytes, count * sector_bytes)
        if kind in _EXTENDED:
            found += _logical(disk, extent, sector_bytes, remarks)
        else:
            found.append(MbrPartition(number, extent, kind))
    protective = _PROTECTIVE in kinds
    return Mbr(tuple(found), protective, protective and len(kinds) > 1, tuple(remarks))


def _entries(sector: bytes) -> list[tuple[int, int, int, int]]:
    return [struct.unpack_from("<B3xB3xII", sector, 446 + 16 * index) for index in range(4)]


def _logical(disk: Reader, extended: Extent, sector_bytes: int, remarks: list[str]) -> list[MbrPartition]:
    found: list[MbrPartition] = []
    place, seen = extended.start, set[int]()
    while len(found) < _MAX_LOGICAL:
        if place in seen:
            raise Damaged("the chain of its logical partitions runs in a circle")
        seen.add(place)
        sector = need(disk, place, 512)
        if sector[510:] != b"\x55\xaa":
            if len(seen) > 1 or any(sector):
                remarks.append(f"the chain of logical partitions breaks at byte {place}; what follows is copied whole")
            break
        (_, kind, first, count), (_, link, link_first, _) = _entries(sector)[:2]
        if kind and count:
            found.append(MbrPartition(5 + len(found), Extent(place + first * sector_bytes, count * sector_bytes), kind))
        if link not in _EXTENDED or link_first == 0:
            break
        # Links count from the beginning of the whole extended partition, partitions from their own small table.
        place = extended.start + link_first * sector_bytes
    return found
