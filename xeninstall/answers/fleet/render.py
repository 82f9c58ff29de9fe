"""Template and list of machines become an answer file for each machine, checked as `xeninstall check` does; or all mistakes."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from xeninstall.answers.dump import dump
from xeninstall.answers.judge import judge, whole
from xeninstall.answers.lines import Lines, Place
from xeninstall.answers.model import Answers
from xeninstall.answers.packs import PackSource
from xeninstall.answers.passwords import hash_password
from xeninstall.answers.problems import AnswersError, Problem, dotted
from xeninstall.answers.sections import Sections
from xeninstall.answers.source import parse, read_text
from xeninstall.base.errors import UsageError

from .inventory import Row, read_inventory
from .template import Filled, columns_in, fill

_SHOWN_MAXIMUM = 200
_STDIN = "nobody is at a machine's standard input; use password_file, which is hashed now, or password_hash"


@dataclass(frozen=True)
class Rendered:
    """One machine's answer file. `paths` are where a web server looks for it, relative to the directory that it serves."""

    line: int  # in the list of machines
    keys: dict[str, str]
    answers: Answers
    text: str = field(repr=False)

    @property
    def paths(self) -> tuple[PurePosixPath, ...]:
        """`serial/ABC123.toml` and `mac/52-54-00-12-34-56.toml`, as far as the list has them."""
        return tuple(PurePosixPath(kind, f"{name}.toml") for kind, name in self.keys.items())


class FleetError(UsageError):
    """Template or list are wrong: a line for each mistake of each machine."""

    def __init__(self, found: list[tuple[Path, Problem]]) -> None:
        shown = [problem.shown(path) for path, problem in found[:_SHOWN_MAXIMUM]]
        if more := len(found) - len(shown):
            shown.append(f"and {more} more problems; correct those above first")
        super().__init__("\n".join(shown))
        self.found = tuple(found)


@dataclass(frozen=True)
class Fleet:
    """All machines, and columns of the list that the template does not use."""

    machines: tuple[Rendered, ...]
    unused: tuple[str, ...]


def render(template: Path, inventory: Path) -> Fleet:
    """Raises FleetError with the mistakes of both files and of all machines, each once."""
    found: dict[tuple[Path, Problem], None] = {}
    text, data, rows = "", None, None
    try:
        text = read_text(template)
        data = parse(template, text)
    except AnswersError as error:
        found |= dict.fromkeys((template, problem) for problem in error.problems)
    try:
        rows, wrong = read_inventory(inventory)
        found |= dict.fromkeys((inventory, problem) for problem in wrong)
    except AnswersError as error:
        found |= dict.fromkeys((inventory, problem) for problem in error.problems)
    if data is None or rows is None:
        raise _error(found, template)
    columns = frozenset(name for row in rows for name in row.values)
    judge_one = _Judge(template, inventory, data, Lines(text), columns)
    machines: list[Rendered] = []
    sections: list[tuple[Row, Sections]] = []
    faulty: dict[tuple[Path, Problem], list[int]] = {}
    for row in rows:
        valid, made, faults = judge_one(row)
        for fault in faults:
            faulty.setdefault(fault, []).append(row.line)
        sections.append((row, valid))
        machines += [made] if made is not None else []
    found |= dict.fromkeys(_for_some(path, problem, at, len(rows), template) for (path, problem), at in faulty.items())
    found |= dict.fromkeys((inventory, problem) for problem in _twice(sections))
    if found:
        raise _error(found, template)
    return Fleet(tuple(machines), tuple(sorted(columns - columns_in(data) - {"serial", "mac"})))


def _for_some(path: Path, problem: Problem, at: list[int], machines: int, template: Path) -> tuple[Path, Problem]:
    """A mistake in the template that not all machines share says whose it is: what differs between them is its cause."""
    if path != template or len(at) == machines:
        return path, problem
    shown = ", ".join(str(line) for line in at[:5]) + (" …" if len(at) > 5 else "")
    return path, replace(problem, text=f"{problem.text} (machine{'s' if len(at) > 1 else ''} of line {shown})")


def _error(found: dict[tuple[Path, Problem], None], template: Path) -> FleetError:
    # The template's first: one mistake there may be the cause of many in the list.
    return FleetError(sorted(found, key=lambda entry: (entry[0] != template, entry[1].line, entry[1].key)))


class _Judge:
    """Fills and judges one machine after the other. A fault belongs to the list where a column made the value."""

    def __init__(self, template: Path, inventory: Path, data: dict[str, Any], lines: Lines, columns: frozenset[str]) -> None:
        self._template, self._inventory, self._data = template, inventory, data
        self._lines, self._columns = lines, columns
        self._hashes: dict[bytes, str] = {}

    def __call__(self, row: Row) -> tuple[Sections, Rendered | None, list[tuple[Path, Problem]]]:
        filled = fill(self._data, row, self._columns)
        faults = [self._in_template(place, said) for place, said in filled.template_faults]
        faults += [self._of(filled, row, place, said) for place, said in filled.row_faults]
        judged = judge(copy.deepcopy(filled.data), self._template.parent)
        broken = {place for place, _ in (*filled.template_faults, *filled.row_faults)}
        # What is missing because it could not be filled was said.
        faults += [self._of(filled, row, place, said()) for place, said in judged.faults if tuple(place) not in broken]
        if judged.sections.root.password_stdin:
            faults.append(self._of(filled, row, ("root", "password_stdin"), _STDIN))
        if faults:
            return judged.sections, None, faults
        # Packs are looked for by the machine itself: their names stay as they were written.
        packs = tuple(PackSource.model_validate(one) for one in filled.data.get("packs", ()))
        answers = whole(judged.sections.model_copy(update={"packs": packs}), self._hash(judged.password))
        return judged.sections, Rendered(row.line, row.keys, answers, dump(answers, with_secrets=True)), []

    def _hash(self, password: bytes | None) -> str | None:
        if password is None:
            return None
        if password not in self._hashes:
            self._hashes[password] = hash_password(password)
        return self._hashes[password]

    def _of(self, filled: Filled, row: Row, place: Place, said: str) -> tuple[Path, Problem]:
        columns = filled.columns_of(tuple(place))
        if not columns:
            return self._in_template(filled.source_of(tuple(place)), said)
        key = f"{dotted(place)} (column {', '.join(columns)})"
        return self._inventory, Problem(row.line_of(columns), key, said)

    def _in_template(self, place: Place, said: str) -> tuple[Path, Problem]:
        return self._template, Problem(self._lines.of(place), dotted(place), said)


def _twice(machines: list[tuple[Row, Sections]]) -> Iterator[Problem]:
    """Machines that would be in each other's way on the network."""
    for family in ("ipv4", "ipv6"):
        first: dict[str, Row] = {}
        for row, sections in machines:
            address = getattr(sections.network, family).address
            ip = address.partition("/")[0] if address else None
            if ip is not None and (earlier := first.setdefault(ip, row)) is not row:
                said = f"{ip} is the address of the machine in line {earlier.line}, too; give each its own"
                yield Problem(row.line, f"network.{family}.address", said)
