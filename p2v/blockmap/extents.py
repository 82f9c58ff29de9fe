"""Algebra of runs of bytes. Pure. Functions take and give sorted runs that neither overlap nor touch; `normal` makes them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ..types import Extent, Extents


def normal(extents: Iterable[Extent]) -> Extents:
    """Any runs, in any order, overlapping or empty, as sorted and separate ones."""
    return _merged(sorted(extent for extent in extents if extent.length > 0), 0)


def union(*several: Extents) -> Extents:
    """Bytes that are in any."""
    return normal(extent for extents in several for extent in extents)


def complement(extents: Extents, size_bytes: int) -> Extents:
    """Bytes of [0, size) that are in none."""
    return subtract((Extent(0, size_bytes),) if size_bytes > 0 else (), extents)


def subtract(extents: Extents, minus: Extents) -> Extents:
    """Bytes of the first that are not in the second."""
    found: list[Extent] = []
    index = 0
    for start, length in extents:
        end = start + length
        while index < len(minus) and minus[index].end <= start:
            index += 1
        probe = index
        while probe < len(minus) and minus[probe].start < end:
            if minus[probe].start > start:
                found.append(Extent(start, minus[probe].start - start))
            start = minus[probe].end
            probe += 1
        if start < end:
            found.append(Extent(start, end - start))
    return tuple(found)


def intersect(one: Extents, other: Extents) -> Extents:
    """Bytes that are in both."""
    found: list[Extent] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i].start, other[j].start), min(one[i].end, other[j].end)
        if start < end:
            found.append(Extent(start, end - start))
        if one[i].end <= other[j].end:
            i += 1
        else:
            j += 1
    return tuple(found)


def coalesce(extents: Extents, gap_bytes: int) -> Extents:
    """The runs with every gap of up to `gap_bytes` filled: a medium reads through a small gap faster than it skips it."""
    return _merged(extents, gap_bytes)


def round_out(extents: Extents, alignment: int, size_bytes: int) -> Extents:
    """Grown outwards to multiples of `alignment`, but not beyond `size_bytes`."""
    grown = (
        Extent(start := extent.start // alignment * alignment, min(-(-extent.end // alignment) * alignment, size_bytes) - start)
        for extent in extents
    )
    return _merged(grown, 0)


def total(extents: Iterable[Extent]) -> int:
    """How many bytes."""
    return sum(extent.length for extent in extents)


def covered(extents: Extents, offset: int) -> bool:
    """Whether the byte at `offset` is in one of them."""
    index = bisect_right(extents, offset, key=lambda extent: extent.start) - 1
    return index >= 0 and offset < extents[index].end


def translate(extents: Extents, segments: Sequence[Extent]) -> Extents:
    """Runs of a volume as runs of its disk, where the volume is the disk's `segments` one after the other, in this order."""
    return normal(_translated(extents, segments))


def _translated(extents: Extents, segments: Sequence[Extent]) -> Iterator[Extent]:
    index, begin = 0, 0  # the segment at hand, and where it begins in the volume
    for extent in extents:
        while index < len(segments) and begin + segments[index].length <= extent.start:
            begin += segments[index].length
            index += 1
        probe, at = index, begin
        while probe < len(segments) and at < extent.end:
            start, end = max(extent.start, at), min(extent.end, at + segments[probe].length)
            if start < end:
                yield Extent(segments[probe].start + start - at, end - start)
            at += segments[probe].length
            probe += 1


def _merged(extents: Iterable[Extent], gap_bytes: int) -> Extents:
    merged: list[Extent] = []
    last_start, last_end = 0, -1
    for start, length in extents:
        end = start + length
        if last_end >= 0 and start <= last_end + gap_bytes:
            last_end = max(last_end, end)
            continue
        if last_end >= 0:
            merged.append(Extent(last_start, last_end - last_start))
        last_start, last_end = start, end
    if last_end >= 0:
        merged.append(Extent(last_start, last_end - last_start))
    return tuple(merged)
