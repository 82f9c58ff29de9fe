"""A broken rule, as a value: what the rules across keys yield."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .sections import Sections

Location = tuple[str | int, ...]  # ("storage", "extra_disks", 0, "erase")


@dataclass(frozen=True)
class Breach:
    """One broken rule: the key it is about, what is wrong there, and what to do."""

    location: Location
    what: str
    remedy: str


Rule = Callable[[Sections], Iterator[Breach]]


def repeated(at: Location, values: Sequence[str]) -> Iterator[Breach]:
    """Each value of a list that stands there already."""
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Breach((*at, index), f"{str(value)!r} is given twice", "leave one of them out")
