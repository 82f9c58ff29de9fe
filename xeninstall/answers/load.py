"""Reads an answer file whole or not at all: every mistake at once, each with its line, what is wrong and what to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from .lines import Lines
from .model import Answers
from .outside import check_zone, place_packs, read_hooks, read_password
from .passwords import PasswordError, hash_password, is_password_of, password_of
from .problems import AnswersError, Problem, dotted, in_order
from .rules import breaches
from .salvage import salvage
from .sections import Sections
from .source import parse, read_text
from .words import in_words, worth_saying

__all__ = ["AnswersError", "Problem", "check", "load", "webhook_of"]

_AT_STDIN = ("root", "password_stdin")


@dataclass(frozen=True)
class _Judged:
    """A file that is TOML: what is valid in it, and what is not."""

    text: str
    sections: Sections
    problems: list[Problem]
    password: bytes | None = field(repr=False)


def check(path: Path) -> list[Problem]:
    """Everything that is wrong with the file, by line; standard input is not read."""
    try:
        return _judge(path).problems
    except AnswersError as error:
        return list(error.problems)


def load(path: Path, *, stdin: Callable[[], bytes] | None = None, known_hash: str = "") -> Answers:
    """The answers, with hooks read and the password hashed; `stdin` gives the password where root.password_stdin asks.

    A password that `known_hash` belongs to keeps this hash, so that the same password is no change.
    Raises AnswersError with every problem.
    """
    judged = _judge(path)
    if judged.problems:
        raise AnswersError(path, judged.problems)
    sections, password = judged.sections, judged.password
    if sections.root.password_stdin:
        password = _password_from(stdin, path, judged.text)
    if password is not None:
        hashed = known_hash if known_hash and is_password_of(known_hash, password) else hash_password(password)
        kept = {"password_hash": SecretStr(hashed), "password_file": None, "password_stdin": False}
        sections = sections.model_copy(update={"root": sections.root.model_copy(update=kept)})
    return Answers.model_validate(dict(sections))


def webhook_of(path: Path) -> str:
    """The webhook of an answer file that may be wrong elsewhere, so that its being wrong can be told; empty without one."""
    try:
        return _judge(path).sections.hooks.webhook or ""
    except AnswersError:
        return ""


def _judge(path: Path) -> _Judged:
    text = read_text(path)
    sections, findings, broken = salvage(parse(path, text))
    found = breaches(sections, broken)
    folder = path.parent if path.is_file() else Path()  # a pipe lies nowhere; its names are relative to us
    packs = place_packs(sections.packs, folder)
    hooks, unreadable = read_hooks(sections.hooks, folder)
    password, unusable = read_password(sections.root, folder)
    found += [*unreadable, *unusable, *check_zone(sections.time.zone)]
    problems: list[Problem] = []
    if findings or found:
        lines = Lines(text)
        said = [(entry["loc"], partial(in_words, entry)) for entry in worth_saying(findings)]
        said += [(breach.location, partial("{0.what}; {0.remedy}".format, breach)) for breach in found]
        problems = in_order((lines.of(place), dotted(place), text) for place, text in said)
    placed = {"hooks": hooks, "packs": packs}
    return _Judged(text, sections.model_copy(update=placed), problems, password)


def _password_from(stdin: Callable[[], bytes] | None, path: Path, text: str) -> bytes:
    if stdin is None:
        why = "there is no standard input to read here; use password_file or password_hash"
    else:
        try:
            return password_of(stdin())
        except PasswordError as error:
            why = f"on standard input, {error.message}; {error.hint}"
    raise AnswersError(path, [Problem(Lines(text).of(_AT_STDIN), dotted(_AT_STDIN), why)])
