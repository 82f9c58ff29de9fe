"""The algebra of extents against the same questions asked of plain sets of bytes."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from p2v.blockmap.extents import (
    coalesce,
    complement,
    covered,
    intersect,
    normal,
    round_out,
    subtract,
    total,
    translate,
    union,
)
from p2v.types import Extent, Extents

SIZE = 200
RUNS = st.lists(st.builds(Extent, st.integers(0, SIZE - 1), st.integers(0, 30)), max_size=12)


def bytes_of(extents: Extents) -> set[int]:
    return {byte for extent in extents for byte in range(extent.start, extent.end)}


def is_normal(extents: Extents) -> bool:
    return all(extent.length > 0 for extent in extents) and all(one.end < other.start for one, other in pairwise(extents))


@settings(deadline=None)
@given(RUNS, RUNS)
def test_every_operation_agrees_with_sets(first: list[Extent], second: list[Extent]) -> None:
    one, other = normal(first), normal(second)
    a, b = bytes_of(one), bytes_of(other)
    assert a == bytes_of(tuple(first))
    for got, expected in (
        (union(one, other), a | b),
        (intersect(one, other), a & b),
        (subtract(one, other), a - b),
        (complement(one, SIZE), set(range(SIZE)) - a),
    ):
        assert bytes_of(got) == expected
        assert is_normal(got)
    assert total(one) == len(a)
    assert {byte for byte in range(SIZE + 30) if covered(one, byte)} == a


@settings(deadline=None)
@given(RUNS, st.integers(1, 40))
def test_rounding_and_coalescing_only_ever_add(runs: list[Extent], amount: int) -> None:
    one = normal(runs)
    limit = max((extent.end for extent in one), default=0)
    rounded, joined = round_out(one, amount, limit), coalesce(one, amount)
    assert bytes_of(rounded) == {b for b in range(limit) if any(x // amount == b // amount for x in bytes_of(one))}
    assert bytes_of(one) <= bytes_of(joined)
    assert all(other.start - one.end > amount for one, other in pairwise(joined))
    assert is_normal(rounded) and is_normal(joined)


@settings(deadline=None)
@given(st.permutations(range(6)), RUNS)
def test_translating_follows_the_segments_in_their_order(order: list[int], runs: list[Extent]) -> None:
    segments = [Extent(position * 50 + 7, 10 + position) for position in order]
    disk = [byte for segment in segments for byte in range(segment.start, segment.end)]
    one = intersect(normal(runs), (Extent(0, len(disk)),))
    assert bytes_of(translate(one, segments)) == {disk[byte] for byte in bytes_of(one)}
