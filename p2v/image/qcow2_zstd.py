"""qcow2 with zstd (QEMU: docs/interop/qcow2.txt, "Compressed Clusters Descriptor" and "Compression type").

File: header, room for the L1 and the refcount table, then for each L2 table its clusters and the table itself, at the end the
refcount blocks. What is compressed has no length beforehand, so the two first tables are filled in when all else is in place.

Behind each group of clusters is a trailer with their lengths, in bytes that no cluster uses: a resumed copy reads it.
"""

import struct
import threading
from array import array
from collections.abc import Iterator

import zstandard

from ..types import Coded, Hole, Late, Literal, Patch, Piece
from .model import Disk
from .pieces import by_table, on_grid, rounded_up
from .qcow2 import CLUSTER, COPIED, L2_REACH, REFCOUNTS, header

_LEVEL = 3
_GROUP = 16  # clusters that are compressed in one go
_COMPRESSED = 1 << 62
_SECTORS_AT = 62 - (16 - 8)  # where a descriptor keeps its number of further sectors
_ZEROS = bytes(CLUSTER)
_PER_THREAD = threading.local()


class Qcow2Zstd:
    """Its length is not known beforehand."""

    length_bytes = None

    def __init__(self, disk: Disk) -> None:
        self._map = disk.block_map
        self._size = rounded_up(self._map.size_bytes, 512)
        self._runs = on_grid(self._map, CLUSTER)
        self._l1_entries = rounded_up(self._size, L2_REACH) // L2_REACH
        self._l1_clusters = max(rounded_up(self._l1_entries * 8, CLUSTER) // CLUSTER, 1)
        # A cluster that does not shrink takes a few bytes more than it has, and each table an alignment.
        most = sum(run.length for run in self._runs) * 17 // 16 + (self._l1_entries * 2 + self._l1_clusters + 64) * CLUSTER
        self._refcount_clusters = rounded_up((most // CLUSTER // REFCOUNTS + 2) * 8, CLUSTER) // CLUSTER
        self._first_data = (1 + self._l1_clusters + self._refcount_clusters) * CLUSTER

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        made = _Made(self._first_data, self._l1_clusters, self._refcount_clusters)
        yield Literal(
            header(self._size, self._l1_entries, CLUSTER, (1 + self._l1_clusters) * CLUSTER, self._refcount_clusters, zstd=True)
        )
        yield Hole(self._first_data - CLUSTER)
        for number, runs in by_table(self._runs, L2_REACH):
            table = _Table(number, made)
            for start, length in runs:
                for first in range(start, start + length, _GROUP * CLUSTER):
                    taken = min(_GROUP * CLUSTER, start + length - first)
                    there = min(taken, self._map.size_bytes - first)
                    yield Coded(0, first, there, compress, None, table.placed_at(first))
            yield Late(table.make, None)
        yield Late(made.refcount_blocks, None)
        yield Patch(made.patches)


class _Made:
    """What has been placed so far: the end, the L1 table, and how often each cluster of the file is in use."""

    def __init__(self, first_data: int, l1_clusters: int, refcount_clusters: int) -> None:
        self.at = first_data
        self.l1 = array("Q", bytes(l1_clusters * CLUSTER))
        self._counts = array("H", [1] * (first_data // CLUSTER))
        self._table = array("Q", bytes(refcount_clusters * CLUSTER))

    def count(self, start: int, length: int) -> None:
        """Another use of every cluster that these bytes touch."""
        last = (start + length - 1) // CLUSTER
        if last >= len(self._counts):
            self._counts.extend([0] * (last + 1 - len(self._counts)))
        for cluster in range(start // CLUSTER, last + 1):
            self._counts[cluster] += 1

    def aligned(self, data: bytes) -> tuple[int, bytes]:
        """Where whole clusters go, and they with what fills up the one before."""
        gap = -self.at % CLUSTER
        place = self.at + gap
        self.at = place + len(data)
        self.count(place, len(data))
        return place, bytes(gap) + data

    def refcount_blocks(self) -> bytes:
        """The blocks, which count themselves, too."""
        used = rounded_up(self.at, CLUSTER) // CLUSTER
        blocks = 1
        while blocks * REFCOUNTS < used + blocks:
            blocks += 1
        place, zeros = self.aligned(bytes(blocks * CLUSTER))
        for number in range(blocks):
            self._table[number] = place + number * CLUSTER
        counts = self._counts[:]
        counts.extend([0] * (blocks * REFCOUNTS - len(counts)))
        counts.byteswap()
        return zeros[: len(zeros) - blocks * CLUSTER] + counts.tobytes()

    def patches(self) -> list[tuple[int, bytes]]:
        """The two tables at the front."""
        found, place = [], CLUSTER
        for table in (self.l1, self._table):
            swapped = table[:]
            swapped.byteswap()
            found.append((place, swapped.tobytes()))
            place += len(found[-1][1])
        return found


class _Table:
    """An L2 table in the making."""

    def __init__(self, number: int, made: _Made) -> None:
        self._number, self._made = number, made
        self._entries = array("Q", bytes(CLUSTER))

    def placed_at(self, start: int) -> "_Placed":
        """What is to be told where the clusters from `start` on went."""
        return _Placed(self, (start - self._number * L2_REACH) // CLUSTER)

    def placed(self, index: int, offset: int, coded: bytes) -> None:
        """Clusters from this index on are at this offset of the file."""
        place = offset
        for length in lengths(coded):
            if length:
                sectors = ((place + length - 1) >> 9) - (place >> 9)
                self._entries[index] = place | sectors << _SECTORS_AT | _COMPRESSED
                self._made.count(place, length)
            place += length
            index += 1
        self._made.at = offset + len(coded)

    def make(self) -> bytes:
        """The table, now that its clusters are in place."""
        self._entries.byteswap()
        place, data = self._made.aligned(self._entries.tobytes())
        self._made.l1[self._number] = place | COPIED
        return data


class _Placed:
    """A callback of few bytes: there is one for each MiB of a disk."""

    __slots__ = ("_index", "_table")

    def __init__(self, table: _Table, index: int) -> None:
        self._table, self._index = table, index

    def __call__(self, offset: int, coded: bytes) -> None:
        self._table.placed(self._index, offset, coded)


def compress(data: memoryview) -> bytes:
    """Clusters one by one, empty where all is zero, and their lengths behind them."""
    compressor = getattr(_PER_THREAD, "compressor", None)
    if compressor is None:
        compressor = _PER_THREAD.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
    found = []
    for start in range(0, len(data), CLUSTER):
        cluster = bytes(data[start : start + CLUSTER]).ljust(CLUSTER, b"\0")
        found.append(b"" if cluster == _ZEROS else compressor.compress(cluster))
    return b"".join(found) + struct.pack(f"<{len(found) + 1}I", *map(len, found), len(found))


def lengths(coded: bytes) -> tuple[int, ...]:
    """The lengths in the trailer of what `compress` made."""
    count = struct.unpack_from("<I", coded, len(coded) - 4)[0]
    return struct.unpack_from(f"<{count}I", coded, len(coded) - 4 - 4 * count)
