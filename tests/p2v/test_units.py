"""Units of work: the image's bytes in the image's order, whatever the pieces."""

from hypothesis import given, settings
from hypothesis import strategies as st

from p2v.types import DiskData, Hole, Literal, Piece
from p2v.units import UNIT_BYTES, Data, units

LENGTHS = st.one_of(st.integers(1, 5000), st.sampled_from([65535, 65536, UNIT_BYTES, UNIT_BYTES + 1, 3 * UNIT_BYTES - 7]))
PIECES = st.lists(
    st.one_of(
        LENGTHS.map(lambda length: Literal(b"L" * min(length, 70000))),
        st.tuples(st.integers(0, 1 << 40), LENGTHS).map(lambda pair: DiskData(0, *pair)),
        LENGTHS.map(Hole),
    ),
    max_size=12,
)


def spell(piece: Piece) -> list[tuple[str, int, int]]:
    match piece:
        case Literal(data):
            return [("literal", 0, len(data))]
        case DiskData(_, offset, length):
            return [("disk", offset, length)]
        case Hole(length):
            return [("zero", 0, length)]
    raise AssertionError


def join(parts: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for kind, offset, length in parts:
        if found and found[-1][0] == kind and (kind != "disk" or found[-1][1] + found[-1][2] == offset):
            found[-1] = (kind, found[-1][1], found[-1][2] + length)
        else:
            found.append((kind, offset, length))
    return found


@settings(deadline=None)
@given(PIECES)
def test_units_are_the_pieces_again(pieces: list[Piece]) -> None:
    parts: list[tuple[str, int, int]] = []
    for unit in units(pieces):
        if not isinstance(unit, Data):
            parts += spell(unit)
            continue
        assert 0 < unit.length <= UNIT_BYTES
        place = 0
        for begin, part in unit.parts:
            parts += [("zero", 0, begin - place)] if begin > place else []
            parts += spell(part)
            place = begin + spell(part)[0][2]
        parts += [("zero", 0, unit.length - place)] if place < unit.length else []
    assert join(parts) == join([part for piece in pieces for part in spell(piece)])
