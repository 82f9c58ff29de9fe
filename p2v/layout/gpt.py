"""The GUID partition table (UEFI specification, chapter 5), from its main copy or, where that is damaged, from the backup."""

import struct
import uuid
import zlib
from dataclasses import dataclass

from ..types import Extent, Reader
from .model import Damaged
from .segments import need

_SIGNATURE = b"EFI PART"
_MAX_ENTRIES = 4096
_NAMES = {
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft data",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "Windows dynamic disk metadata",
    "af9b60a0-1431-4f62-bc68-3311714a69ad": "Windows dynamic disk",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d": "Windows storage spaces",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root",
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux boot",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
    "48465300-0000-11aa-aa11-00306543ecac": "macOS HFS+",
    "7c3457ef-0000-11aa-aa11-00306543ecac": "macOS APFS",
}


@dataclass(frozen=True)
class GptPartition:
    """One partition; its number is its place in the table."""

    number: int
    extent: Extent
    type: str
    name: str

    @property
    def role(self) -> str:
        """What the type stands for."""
        return _NAMES.get(self.type, f"type {self.type}")


@dataclass(frozen=True)
class Gpt:
    """A table, and what is odd about it."""

    sector_bytes: int
    partitions: tuple[GptPartition, ...]
    remarks: tuple[str, ...]


def read_gpt(disk: Reader) -> Gpt | None:
    """The table, or None where there is no trace of one. Raises Damaged when there is one and no copy of it is whole."""
    problems = []
    for sector_bytes in (512, 4096):
        last = disk.size_bytes // sector_bytes - 1
        traces = []
        for name, lba in (("main", 1), ("backup", last)):
            try:
                partitions = _read_copy(disk, lba, sector_bytes)
            except Damaged as problem:
                traces.append(f"its {name} copy: {problem}")
                continue
            if partitions is None:
                continue
            if name == "backup":
                why = traces[0] if traces else "its main copy is missing"
                return Gpt(sector_bytes, partitions, (f"the partition table was read from its backup ({why})",))
            return Gpt(sector_bytes, partitions, _backup_remark(disk, last, sector_bytes))
        problems += traces
    if problems:
        raise Damaged("; ".join(problems))
    return None


def _backup_remark(disk: Reader, lba: int, sector_bytes: int) -> tuple[str, ...]:
    try:
        if _read_copy(disk, lba, sector_bytes) is not None:
            return ()
        return ("the partition table's backup is not at the end of the disk",)
    except Damaged as problem:
        return (f"the partition table's backup is damaged: {problem}",)


def _read_copy(disk: Reader, lba: int, sector_bytes: int) -> tuple[GptPartition, ...] | None:
    header = disk.read(lba * sector_bytes, 92)
    if len(header) < 92 or header[:8] != _SIGNATURE:
        return None
    size, crc, own, entries_lba, count, entry_bytes, entries_crc = struct.unpack_from("<12xII4xQ40xQIII", header)
    if not 92 <= size <= sector_bytes:
        raise Damaged(f"a header of {size} bytes")
    whole = bytearray(need(disk, lba * sector_bytes, size))
    whole[16:20] = bytes(4)
    if zlib.crc32(whole) != crc:
        raise Damaged("the header's checksum is wrong")
    if own != lba:
        raise Damaged(f"the header says that it is in sector {own}, and is in {lba}")
    if entry_bytes < 128 or entry_bytes % 8 or entry_bytes > 4096 or not 0 < count <= _MAX_ENTRIES:
        raise Damaged(f"{count} entries of {entry_bytes} bytes")
    table = need(disk, entries_lba * sector_bytes, count * entry_bytes)
    if zlib.crc32(table) != entries_crc:
        raise Damaged("the entries' checksum is wrong")
    return tuple(_partitions(table, entry_bytes, sector_bytes))


def _partitions(table: bytes, entry_bytes: int, sector_bytes: int) -> list[GptPartition]:
    found = []
    for index in range(len(table) // entry_bytes):
        kind, _, first, last, name = struct.unpack_from("<16s16sQQ8x72s", table, index * entry_bytes)
        if not any(kind):
            continue
        if last < first:
            raise Damaged(f"partition {index + 1} ends before it begins")
        extent = Extent(first * sector_bytes, (last - first + 1) * sector_bytes)
        text = name.decode("utf-16-le", "replace").split("\0")[0]
        found.append(GptPartition(index + 1, extent, str(uuid.UUID(bytes_le=kind)), text))
    return found
