"""Whether zstd is used on a wire is decided by what was measured on it."""

import pytest

from p2v.target.coding import Choice, Wire


def frames(choice: Choice, seconds: dict[bool, float], count: int) -> list[bool]:
    taken = []
    for _ in range(count):
        compressed = choice.next()
        choice.sent(compressed, 1 << 20, seconds[compressed])
        taken.append(compressed)
    return taken


@pytest.mark.parametrize("pays", [True, False])
def test_the_faster_way_is_found_and_kept(pays: bool) -> None:
    taken = frames(Choice(Wire.AUTO), {pays: 0.01, not pays: 0.03}, 200)
    assert set(taken[:8]) == {True, False}, "both are tried first"
    assert taken[8:].count(not pays) == 4, "and the other now and then"


def test_a_wire_that_changes_is_followed() -> None:
    choice = Choice(Wire.AUTO)
    assert frames(choice, {True: 0.01, False: 0.03}, 40)[-1] is True
    assert frames(choice, {True: 0.2, False: 0.03}, 100)[-1] is False


def test_what_was_asked_for_is_not_measured() -> None:
    assert set(frames(Choice(Wire.ZSTD), {True: 9, False: 0.1}, 50)) == {True}
    assert set(frames(Choice(Wire.NONE), {True: 0.1, False: 9}, 50)) == {False}
