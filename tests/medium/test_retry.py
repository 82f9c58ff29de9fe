"""Patience: longer and longer, never for what waiting does not mend, and up to a limit."""

import pytest

from xeninstall.base.http import HttpError, Trouble
from xeninstall.medium.retry import persist


class Clock:
    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def _failing(clock: Clock, limit: float, *troubles: Trouble) -> tuple[str, list[str]]:
    waiting, said = list(troubles), list[str]()

    def attempt() -> str:
        if waiting:
            raise HttpError(waiting.pop(0) if len(troubles) > 1 else troubles[0], "no luck", hint="hope")
        return "luck"

    return persist(attempt, limit, said.append, lambda error: f"the {error.trouble}", sleep=clock.sleep, clock=clock), said


def test_it_waits_longer_each_time_and_says_for_what() -> None:
    clock = Clock()
    luck, said = _failing(clock, 1000, Trouble.NAME, *[Trouble.CONNECT] * 8)
    assert luck == "luck" and len(said) == 9
    for number, pause in enumerate(clock.pauses):
        assert 0.75 <= pause / min(2**number, 60) <= 1.25
    assert said[0].startswith("waiting for the name: no luck; next try in 1 s, giving up in 16 min 40 s")


def test_a_fleet_does_not_ask_in_step() -> None:
    pauses = set()
    for _ in range(5):
        clock = Clock()
        _failing(clock, 1000, *[Trouble.CONNECT] * 6)
        pauses.add(tuple(clock.pauses))
    assert len(pauses) == 5


def test_it_gives_up_at_the_limit_and_says_when() -> None:
    clock = Clock()
    with pytest.raises(HttpError) as caught:
        _failing(clock, 30, Trouble.TIMEOUT)
    assert clock.now <= 30 and caught.value.message.startswith("no luck; given up after ")


@pytest.mark.parametrize("trouble", [Trouble.TRUST, Trouble.REDIRECT, Trouble.SIZE, Trouble.PROTOCOL])
def test_what_waiting_does_not_mend_fails_at_once(trouble: Trouble) -> None:
    clock = Clock()
    with pytest.raises(HttpError, match=r"^no luck$"):
        _failing(clock, 30, trouble)
    assert not clock.pauses
