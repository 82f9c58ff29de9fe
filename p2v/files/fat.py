"""FAT12, FAT16 and FAT32 (Microsoft, "FAT: General Overview of On-Disk Format"), read from their table and directories."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..types import Extent, Extents, Reader
from .model import TABLES, Found, Lost

_DIRECTORY, _LABEL, _LONG = 0x10, 0x08, 0x0F
_MAX_ENTRIES = 1_000_000
_PAGE_BYTES = 65536


@dataclass(frozen=True)
class _Entry:
    name: str
    cluster: int
    size_bytes: int
    is_directory: bool


class FatFiles:
    """One volume. Raises Lost."""

    def __init__(self, volume: Reader) -> None:
        self._volume = volume
        sector = volume.read(0, 512)
        if len(sector) < 512:
            raise Lost("there is no boot sector")
        size, per_cluster, reserved, copies, root, small, _, per_fat16 = struct.unpack_from("<HBHBHHBH", sector, 11)
        large, per_fat32 = struct.unpack_from("<II", sector, 32)
        per_fat = per_fat16 or per_fat32
        if not size or not per_cluster or not per_fat:
            raise Lost("its boot sector is damaged")
        self._cluster = size * per_cluster
        self._root = Extent((reserved + copies * per_fat) * size, root * 32)
        self._data = self._root.start + -(-self._root.length // size) * size
        self._count = ((small or large) * size - self._data) // self._cluster
        self._bits = 32 if not root and not per_fat16 else 12 if self._count < 4085 else 16
        self._first = struct.unpack_from("<I", sector, 44)[0] if self._bits == 32 else 0
        self._table = Extent(reserved * size, per_fat * size)
        self._page, self._page_at = b"", -1

    def find(self, path: str) -> Found | None:
        """See Files.find. Capitals are not told from small letters."""
        entries = self._directory(self._first)
        parts = [part for part in path.split("/") if part]
        for depth, part in enumerate(parts, 1):
            entry = next((entry for entry in entries if entry.name.casefold() == part.casefold()), None)
            if entry is None or entry.is_directory != (depth < len(parts)):
                return None
            if depth == len(parts):
                return Found(entry.size_bytes, tuple(self._runs(entry.cluster)))
            entries = self._directory(entry.cluster)
        return None

    def hit(self, places: Extents) -> Iterator[str]:
        """See Files.hit."""
        wanted = {
            (place - self._data) // self._cluster + 2
            for start, length in places
            for place in range(max(start // 512 * 512, self._data), start + length, 512)
        }
        if any(start < self._data for start, _ in places):
            yield TABLES
        for path, entry in self._walk("", self._first, set()):
            mine = wanted & set(self._chain(entry.cluster))
            if mine:
                wanted -= mine
                yield path
        if wanted & set(self._chain(self._first)):
            wanted -= set(self._chain(self._first))
            yield "/"
        if wanted:
            yield "free space"

    def _walk(self, above: str, cluster: int, seen: set[int]) -> Iterator[tuple[str, _Entry]]:
        for entry in self._directory(cluster):
            path = f"{above}/{entry.name}"
            yield path, entry
            if entry.is_directory and entry.cluster not in seen:
                seen.add(entry.cluster)
                yield from self._walk(path, entry.cluster, seen)

    def _directory(self, cluster: int) -> list[_Entry]:
        if cluster < 2:
            data = self._volume.read(*self._root)
        else:
            data = b"".join(self._volume.read(*extent) for _, extent in self._runs(cluster))
        found, long_name = list[_Entry](), ""
        for place in range(0, len(data) - 31, 32):
            record = data[place : place + 32]
            if record[0] == 0 or len(found) > _MAX_ENTRIES:
                break
            if record[0] == 0xE5:
                long_name = ""
            elif record[11] & 0x3F == _LONG:
                part = (record[1:11] + record[14:26] + record[28:32]).decode("utf-16-le", "replace")
                long_name = part.split("\0")[0].rstrip("\uffff") + ("" if record[0] & 0x40 else long_name)
            else:
                if not record[11] & _LABEL and record[:1] != b".":
                    found.append(_entry(record, long_name))
                long_name = ""
        return found

    def _runs(self, cluster: int) -> Iterator[tuple[int, Extent]]:
        place = 0
        start, count = -1, 0
        for number in self._chain(cluster):
            if number == start + count:
                count += 1
                continue
            if count:
                yield place, self._extent(start, count)
                place += count * self._cluster
            start, count = number, 1
        if count:
            yield place, self._extent(start, count)

    def _extent(self, cluster: int, count: int) -> Extent:
        return Extent(self._data + (cluster - 2) * self._cluster, count * self._cluster)

    def _chain(self, cluster: int) -> Iterator[int]:
        for _ in range(self._count):
            if not 2 <= cluster < self._count + 2:
                return
            yield cluster
            cluster = self._next(cluster)

    def _next(self, cluster: int) -> int:
        match self._bits:
            case 32:
                return int.from_bytes(self._in_table(cluster * 4, 4), "little") & 0x0FFFFFFF
            case 16:
                return int.from_bytes(self._in_table(cluster * 2, 2), "little")
            case _:
                pair = int.from_bytes(self._in_table(cluster * 3 // 2, 2), "little")
                return pair >> 4 if cluster % 2 else pair & 0xFFF

    def _in_table(self, place: int, length: int) -> bytes:
        """A part of the table, of which a page at a time is kept: all of it may be hundreds of megabytes."""
        if place + length > self._table.length:
            return b""
        if not self._page_at <= place <= place + length <= self._page_at + len(self._page):
            self._page_at, self._page = place, self._volume.read(self._table.start + place, _PAGE_BYTES)
        return self._page[place - self._page_at : place - self._page_at + length]


def _entry(record: bytes, long_name: str) -> _Entry:
    base = record[:8].replace(b"\x05", b"\xe5", 1) if record[0] == 5 else record[:8]
    name, suffix = base.decode("cp437").rstrip(), record[8:11].decode("cp437").rstrip()
    # Windows NT keeps in two bits that a short name was written in small letters.
    name = name.lower() if record[12] & 0x08 else name
    suffix = suffix.lower() if record[12] & 0x10 else suffix
    high, low, size = struct.unpack_from("<H4xHI", record, 20)
    short = f"{name}.{suffix}" if suffix else name
    return _Entry(long_name or short, high << 16 | low, size, bool(record[11] & _DIRECTORY))
