"""Judges the data of an answer file, from wherever it comes: what is valid in it, and everything that is not, by place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from .breach import Location
from .model import Answers
from .outside import check_zone, place_keys, place_packs, read_hooks, read_password
from .rules import breaches
from .salvage import salvage
from .sections import Sections
from .words import in_words, worth_saying


@dataclass(frozen=True)
class Judged:
    """What is valid, with hooks read; what is wrong, each with what makes its words; the password of root.password_file."""

    sections: Sections
    faults: list[tuple[Location, Callable[[], str]]]
    password: bytes | None = field(repr=False)


def judge(data: dict[str, Any], folder: Path) -> Judged:
    """Judge data, consuming it; files that it names are looked for in `folder`."""
    sections, findings, broken = salvage(data)
    found = breaches(sections, broken)
    packs = place_packs(sections.packs, folder)
    convert = place_keys(sections.convert, folder)
    hooks, unreadable = read_hooks(sections.hooks, folder)
    password, unusable = read_password(sections.root, folder)
    found += [*unreadable, *unusable, *check_zone(sections.time.zone)]
    faults: list[tuple[Location, Callable[[], str]]] = [
        (entry["loc"], partial(in_words, entry)) for entry in worth_saying(findings)
    ]
    faults += [(breach.location, partial("{0.what}; {0.remedy}".format, breach)) for breach in found]
    return Judged(sections.model_copy(update={"hooks": hooks, "packs": packs, "convert": convert}), faults, password)


def whole(sections: Sections, password_hash: str | None) -> Answers:
    """Answers from what was found free of faults; a hash takes the place of what names a password."""
    if password_hash is not None:
        kept = {"password_hash": SecretStr(password_hash), "password_file": None, "password_stdin": False}
        sections = sections.model_copy(update={"root": sections.root.model_copy(update=kept)})
    return Answers.model_validate(dict(sections))
