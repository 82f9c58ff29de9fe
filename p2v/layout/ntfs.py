"""NTFS (as documented by the Linux-NTFS project): whether it was left clean is in $Volume and in $LogFile's restart area."""

import struct
from collections.abc import Iterator

from ..types import Reader
from .model import Content, Damaged, Kind
from .segments import need

_LOGFILE, _VOLUME = 2, 3  # numbers of their records in the master file table
_VOLUME_NAME, _VOLUME_INFORMATION, _DATA = 0x60, 0x70, 0x80


def recognise(volume: Reader) -> Content | None:
    """The file system, or None."""
    sector = volume.read(0, 512)
    if len(sector) < 512 or sector[3:11] != b"NTFS    ":
        return None
    sector_bytes, per_cluster = struct.unpack_from("<HB", sector, 11)
    sectors, mft = struct.unpack_from("<QQ", sector, 0x28)
    record = struct.unpack_from("<b", sector, 0x40)[0]
    cluster = sector_bytes * (per_cluster if per_cluster <= 0x80 else 1 << (256 - per_cluster))
    record_bytes = record * cluster if record > 0 else 1 << min(-record, 20)
    label, why = "", ""
    if sector_bytes not in (512, 1024, 2048, 4096) or not 512 <= cluster <= 2 << 20 or not 512 <= record_bytes <= 65536:
        why = "its boot sector is damaged"
    else:
        try:
            label, why = _state(volume, mft * cluster, record_bytes, cluster)
        except (Damaged, struct.error) as problem:
            why = f"its file table is damaged: {problem}"
    serial = struct.unpack_from("<Q", sector, 0x48)[0]
    # The last sector of the partition, which holds the backup of the first, is not counted.
    return Content(Kind.NTFS, "NTFS", label, f"{serial:016X}", (sectors + 1) * sector_bytes if not why else None, None, why)


def _state(volume: Reader, mft: int, record_bytes: int, cluster: int) -> tuple[str, str]:
    attributes = dict(_attributes(need(volume, mft + _VOLUME * record_bytes, record_bytes)))
    label = _resident(attributes.get(_VOLUME_NAME, b"")).decode("utf-16-le", "replace")
    information = _resident(attributes.get(_VOLUME_INFORMATION, b""))
    if len(information) < 12:
        raise Damaged("$Volume tells nothing")
    if struct.unpack_from("<H", information, 10)[0] & 1:
        return label, "it is marked as dirty: Windows wants to check it"
    log = dict(_attributes(need(volume, mft + _LOGFILE * record_bytes, record_bytes)))
    page = need(volume, _first_cluster(log.get(_DATA, b"")) * cluster, 4096)
    return label, "" if _is_clean(page) else "it was not shut down (or sleeps by Fast Startup), and its log waits to be replayed"


def _attributes(record: bytes) -> Iterator[tuple[int, bytes]]:
    if record[:4] != b"FILE":
        raise Damaged("a record without its mark")
    fixed = bytearray(record)
    place, count = struct.unpack_from("<HH", record, 4)
    # The last two bytes of each sector are kept aside, so that a torn write is seen.
    for index in range(1, count):
        fixed[index * 512 - 2 : index * 512] = record[place + 2 * index : place + 2 * index + 2]
    offset = struct.unpack_from("<H", record, 20)[0]
    while offset + 16 <= len(fixed):
        kind, length, _, named = struct.unpack_from("<IIBB", fixed, offset)
        if kind == 0xFFFFFFFF:
            return
        if length < 16 or offset + length > len(fixed):
            raise Damaged("an attribute longer than its record")
        if not named:
            yield kind, bytes(fixed[offset : offset + length])
        offset += length


def _resident(attribute: bytes) -> bytes:
    if len(attribute) < 24 or attribute[8]:
        return b""
    length, start = struct.unpack_from("<IH", attribute, 16)
    return attribute[start : start + length]


def _first_cluster(attribute: bytes) -> int:
    if len(attribute) < 64 or not attribute[8]:
        raise Damaged("$LogFile has no place")
    start = struct.unpack_from("<H", attribute, 32)[0]
    if start >= len(attribute):
        raise Damaged("$LogFile has no place")
    length_bytes, offset_bytes = attribute[start] & 15, attribute[start] >> 4
    place = attribute[start + 1 + length_bytes : start + 1 + length_bytes + offset_bytes]
    cluster = int.from_bytes(place, "little", signed=True)
    if not place or cluster <= 0:
        raise Damaged("$LogFile has no place")
    return cluster


def _is_clean(page: bytes) -> bool:
    if page[:4] == b"\xff\xff\xff\xff":
        return True  # emptied, as tools do that changed the volume by themselves
    if page[:4] != b"RSTR":
        return False
    area = struct.unpack_from("<H", page, 24)[0]
    if area + 16 > len(page):
        return False
    in_use, flags = struct.unpack_from("<HH", page, area + 12)
    return bool(in_use == 0xFFFF or flags & 2)
