"""qcow2 version 3 (QEMU: docs/interop/qcow2.txt) in one forward stream: all tables first, since the map tells what they will say.

File: header, L1 table, refcount table, refcount blocks, L2 tables, data. Every cluster is in use once, so each refcount is 1.
"""

import struct
from array import array
from collections.abc import Iterator

from ..types import Literal, Piece
from .model import Disk
from .pieces import disk_bytes, on_grid, rounded_up

CLUSTER = 65536
L2_ENTRIES = CLUSTER // 8
L2_REACH = L2_ENTRIES * CLUSTER  # bytes of the disk below one L2 table
REFCOUNTS = CLUSTER // 2  # 16-bit counts in a block
COPIED = 1 << 63
_ZSTD = 1 << 3  # a feature that a reader must know


class Qcow2:
    """The exact length is known beforehand."""

    def __init__(self, disk: Disk) -> None:
        self._map = disk.block_map
        self._size = rounded_up(self._map.size_bytes, 512)
        self._runs = on_grid(self._map, CLUSTER)
        self._data = sum(run.length for run in self._runs) // CLUSTER
        self._tables = sorted(
            {table for run in self._runs for table in range(run.start // L2_REACH, (run.end - 1) // L2_REACH + 1)}
        )
        self._l1_entries = rounded_up(self._size, L2_REACH) // L2_REACH
        self._l1_clusters = max(rounded_up(self._l1_entries * 8, CLUSTER) // CLUSTER, 1)
        self._refcount_blocks, self._refcount_clusters = self._count_refcounts()
        self._l1 = 1
        self._refcount_table = self._l1 + self._l1_clusters
        self._refcounts = self._refcount_table + self._refcount_clusters
        self._l2 = self._refcounts + self._refcount_blocks
        self._first_data = self._l2 + len(self._tables)
        self._clusters = self._first_data + self._data

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        return self._clusters * CLUSTER

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        yield Literal(
            header(self._size, self._l1_entries, self._l1 * CLUSTER, self._refcount_table * CLUSTER, self._refcount_clusters)
        )
        yield Literal(self._l1_table())
        yield from self._refcount_pieces()
        yield from self._l2_tables()
        for start, length in self._runs:
            yield from disk_bytes(0, start, length, self._map.size_bytes)

    def _count_refcounts(self) -> tuple[int, int]:
        # The blocks count themselves, too: grow until they suffice.
        others = 1 + self._l1_clusters + len(self._tables) + self._data
        blocks = table = 1
        while True:
            needed = -(-(others + blocks + table) // REFCOUNTS)
            needed_table = -(-needed * 8 // CLUSTER)
            if (needed, needed_table) == (blocks, table):
                return blocks, table
            blocks, table = max(needed, blocks), max(needed_table, table)

    def _l1_table(self) -> bytes:
        table = [0] * (self._l1_clusters * L2_ENTRIES)
        for number, place in enumerate(self._tables):
            table[place] = (self._l2 + number) * CLUSTER | COPIED
        return struct.pack(f">{len(table)}Q", *table)

    def _refcount_pieces(self) -> Iterator[Piece]:
        table = [(self._refcounts + number) * CLUSTER for number in range(self._refcount_blocks)]
        yield Literal(struct.pack(f">{len(table)}Q", *table).ljust(self._refcount_clusters * CLUSTER, b"\0"))
        left = self._clusters
        for _ in range(self._refcount_blocks):
            count = min(left, REFCOUNTS)
            yield Literal((b"\0\1" * count).ljust(CLUSTER, b"\0"))
            left -= count

    def _l2_tables(self) -> Iterator[Piece]:
        runs = iter(self._runs)
        run = next(runs, None)
        place = self._first_data * CLUSTER
        for table in self._tables:
            begin, end = table * L2_REACH, (table + 1) * L2_REACH
            entries = array("Q", bytes(CLUSTER))
            while run is not None and run.start < end:
                first, last = max(run.start, begin), min(run.end, end)
                count = (last - first) // CLUSTER
                index = (first - begin) // CLUSTER
                entries[index : index + count] = array("Q", range(place | COPIED, (place + count * CLUSTER) | COPIED, CLUSTER))
                place += count * CLUSTER
                if run.end > end:
                    break
                run = next(runs, None)
            entries.byteswap()
            yield Literal(entries.tobytes())


def header(size: int, l1_entries: int, l1: int, refcount_table: int, refcount_clusters: int, *, zstd: bool = False) -> bytes:
    """The first cluster; `l1` and `refcount_table` are places in the file."""
    fields = struct.pack(
        ">4sIQIIQIIQQIIQQQQIIB7x",
        b"QFI\xfb", 3, 0, 0, 16, size, 0, l1_entries, l1, refcount_table,
        refcount_clusters, 0, 0, _ZSTD if zstd else 0, 0, 0, 4, 112 if zstd else 104, 1 if zstd else 0,
    )  # fmt: skip
    return fields.ljust(CLUSTER, b"\0")
