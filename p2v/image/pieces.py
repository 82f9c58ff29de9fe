"""Pieces that several formats need: runs of a disk on a grid of blocks, padded where the disk ends within one."""

from collections.abc import Iterator

from ..blockmap.extents import round_out
from ..types import BlockMap, DiskData, Extent, Extents, Hole, Piece


def rounded_up(value: int, unit: int) -> int:
    """The least multiple of `unit` that is not below."""
    return -(-value // unit) * unit


def on_grid(block_map: BlockMap, unit: int) -> Extents:
    """The used runs grown to whole blocks; the last block may reach beyond the disk."""
    return round_out(block_map.used, unit, rounded_up(block_map.size_bytes, unit))


def disk_bytes(disk: int, start: int, length: int, size_bytes: int) -> Iterator[Piece]:
    """A run of the disk, with zeros for what is beyond its end."""
    there = max(min(length, size_bytes - start), 0)
    if there:
        yield DiskData(disk, start, there)
    if there < length:
        yield Hole(length - there)


def by_table(runs: Extents, reach: int) -> Iterator[tuple[int, list[Extent]]]:
    """The runs below each table, where a table tells of `reach` bytes of the disk, by the table's number."""
    number, gathered = -1, list[Extent]()
    for start, length in runs:
        end = start + length
        while start < end:
            table = start // reach
            if table != number and gathered:
                yield number, gathered
                gathered = []
            number = table
            taken = min(end, (table + 1) * reach) - start
            gathered.append(Extent(start, taken))
            start += taken
    if gathered:
        yield number, gathered
