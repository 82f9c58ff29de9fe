"""VMDK streamOptimized ("Virtual Disk Format 5.0"), in which a grain of 64 KiB is a deflate stream behind a marker.

Without compression the grains are deflate's stored blocks, so that the exact length is known beforehand; with it, they shrink.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from ..types import Coded, Late, Literal, Piece
from .model import Disk, Identity
from .pieces import by_table, on_grid, rounded_up

GRAIN = 65536
_PER_TABLE = 512  # grains
_PER_PIECE = 16  # grains that are coded in one go
_OVERHEAD = 128  # sectors before the first grain
_DESCRIPTOR_SECTORS = 20
_STORED_BYTES = rounded_up(12 + 2 + 2 * 5 + GRAIN + 4, 512)
_AT_END = 0xFFFFFFFFFFFFFFFF
_MARKER_TABLE, _MARKER_DIRECTORY, _MARKER_FOOTER = 1, 2, 3


class Vmdk:
    """`level` is zlib's, 1 to 9; 0 stores. `disk_number` is the disk's place among several."""

    def __init__(self, disk: Disk, identity: Identity, *, level: int = 0, disk_number: int = 0) -> None:
        self._map, self._identity, self._name = disk.block_map, identity, disk.name
        self._number, self._level = disk_number, level
        self._size = rounded_up(self._map.size_bytes, 512)
        self._runs = on_grid(self._map, GRAIN)
        self._tables = rounded_up(max(self._size, 1), GRAIN * _PER_TABLE) // (GRAIN * _PER_TABLE)

    @property
    def length_bytes(self) -> int | None:
        """See ImageWriter."""
        if self._level:
            return None
        grains = sum(run.length for run in self._runs) // GRAIN
        tables = sum(1 for _ in by_table(self._runs, GRAIN * _PER_TABLE))
        directory = rounded_up(self._tables * 4, 512)
        return _OVERHEAD * 512 + grains * _STORED_BYTES + tables * (512 + _PER_TABLE * 4) + 512 + directory + 3 * 512

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        place = _Place(_OVERHEAD * 512)
        head = self._header(_AT_END) + self._descriptor().ljust(_DESCRIPTOR_SECTORS * 512, b"\0")
        yield Literal(head.ljust(_OVERHEAD * 512, b"\0"))
        directory: dict[int, int] = {}
        for table, runs in by_table(self._runs, GRAIN * _PER_TABLE):
            entries: dict[int, int] = {}
            for start, length in runs:
                for first in range(start, start + length, GRAIN * _PER_PIECE):
                    yield self._coded(first, min(GRAIN * _PER_PIECE, start + length - first), place, entries)
            yield self._told(partial(_table, table, entries, directory, place), 512 + _PER_TABLE * 4)
        directory_bytes = rounded_up(self._tables * 4, 512)
        yield self._told(lambda: self._directory(directory, place), 512 + directory_bytes)
        yield self._told(lambda: self._footer(place.at - directory_bytes), 3 * 512)

    def _told(self, make: Callable[[], bytes], length: int) -> Piece:
        # With stored grains all positions are known now; with compressed ones only when they are in place.
        return Late(make, length) if self._level else Literal(make())

    def _coded(self, start: int, length: int, place: "_Place", entries: dict[int, int]) -> Coded:
        there = min(length, self._map.size_bytes - start)
        code: Callable[[memoryview], bytes] = partial(code_grains, start, self._level)
        if not self._level:
            # Nothing has to be waited for: the positions follow from the lengths.
            for first in range(start, start + length, GRAIN):
                entries[first // GRAIN] = place.take(_STORED_BYTES) // 512
            return Coded(self._number, start, there, code, length // GRAIN * _STORED_BYTES)

        def placed(offset: int, coded: bytes) -> None:
            inside = 0
            while inside < len(coded):
                sector, size = struct.unpack_from("<QI", coded, inside)
                entries[sector * 512 // GRAIN] = (offset + inside) // 512
                inside += rounded_up(12 + size, 512)
            place.at = offset + len(coded)

        return Coded(self._number, start, there, code, None, placed)

    def _header(self, directory_sector: int) -> bytes:
        header = struct.pack(
            "<4sIIQQQQIQQQ?4sH",
            b"KDMV", 3, 0x30001, self._size // 512, GRAIN // 512, 1, _DESCRIPTOR_SECTORS, _PER_TABLE, 0, directory_sector,
            _OVERHEAD, False, b"\n \r\n", 1,
        )  # fmt: skip
        return header.ljust(512, b"\0")

    def _descriptor(self) -> bytes:
        identity = self._identity.uuid(f"vmdk {self._number}")
        sectors = self._size // 512
        return (
            "# Disk DescriptorFile\nversion=1\n"
            f'CID={identity.hex[:8]}\nparentCID=ffffffff\ncreateType="streamOptimized"\n\n'
            f'# Extent description\nRW {sectors} SPARSE "{_safe(self._name)}.vmdk"\n\n'
            "# The Disk Data Base\n#DDB\n\n"
            'ddb.virtualHWVersion = "4"\nddb.adapterType = "lsilogic"\n'
            f'ddb.geometry.cylinders = "{min(sectors // (255 * 63), 65535)}"\nddb.geometry.heads = "255"\n'
            f'ddb.geometry.sectors = "63"\nddb.uuid.image = "{identity}"\n'
        ).encode("ascii")

    def _directory(self, tables: dict[int, int], place: "_Place") -> bytes:
        entries = struct.pack(f"<{self._tables}I", *(tables.get(number, 0) for number in range(self._tables)))
        body = entries.ljust(rounded_up(len(entries), 512), b"\0")
        place.at += 512 + len(body)
        return _marker(len(body) // 512, _MARKER_DIRECTORY) + body

    def _footer(self, directory: int) -> bytes:
        return _marker(1, _MARKER_FOOTER) + self._header(directory // 512) + bytes(512)


class _Place:
    """How far the image has come."""

    def __init__(self, at: int) -> None:
        self.at = at

    def take(self, length: int) -> int:
        """Where these bytes begin."""
        self.at += length
        return self.at - length


def code_grains(start: int, level: int, data: memoryview) -> bytes:
    """Grains of one run, the last one padded with zeros, as the records of a streamOptimized file."""
    found = []
    for inside in range(0, len(data), GRAIN):
        grain = bytes(data[inside : inside + GRAIN]).ljust(GRAIN, b"\0")
        packed = zlib.compress(grain, level) if level else _stored(grain)
        record = struct.pack("<QI", (start + inside) // 512, len(packed)) + packed
        found.append(record.ljust(rounded_up(len(record), 512), b"\0"))
    return b"".join(found)


def _stored(grain: bytes) -> bytes:
    # Two stored blocks (RFC 1951, 3.2.4), since one holds at most 65535 bytes.
    first, last = grain[:32768], grain[32768:]
    blocks = b"".join(struct.pack("<BHH", final, len(part), len(part) ^ 0xFFFF) + part for final, part in ((0, first), (1, last)))
    return b"\x78\x01" + blocks + struct.pack(">I", zlib.adler32(grain))


def _table(number: int, entries: dict[int, int], directory: dict[int, int], place: _Place) -> bytes:
    first = number * _PER_TABLE
    body = struct.pack(f"<{_PER_TABLE}I", *(entries.get(grain, 0) for grain in range(first, first + _PER_TABLE)))
    directory[number] = place.take(512 + len(body)) // 512 + 1
    return _marker(len(body) // 512, _MARKER_TABLE) + body


def _marker(sectors: int, kind: int) -> bytes:
    return struct.pack("<QII", sectors, 0, kind).ljust(512, b"\0")


def _safe(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name) or "disk"
