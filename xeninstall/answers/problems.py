"""What is wrong with an answer file, as values: a line, a key and a text; and the error that carries all of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError

_SHOWN_MAXIMUM = 100
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Problem:
    """One mistake. `line` counts from 1 and is 0 when the file could not be read; `key` is empty for TOML's own errors."""

    line: int
    key: str
    text: str  # what is wrong, and what to do

    def shown(self, file: Path | str) -> str:
        """As a compiler would say it: `FILE:LINE: key: what, and what to do`."""
        where = f"{file}:{self.line}" if self.line else f"{file}"
        return ": ".join(part for part in (where, self.key, self.text) if part)


class AnswersError(UsageError):
    """An answer file that cannot be used; its message has one line for each problem."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.shown(path) for problem in problems))
        self.path, self.problems = path, tuple(problems)


def in_order(found: Iterable[tuple[int, str, Callable[[], str]]]) -> list[Problem]:
    """Problems by line, from line, key and what makes the text; of a hostile file's thousands only the first get one."""
    ordered = sorted(found, key=lambda entry: entry[:2])
    problems = [Problem(line, key, text()) for line, key, text in ordered[:_SHOWN_MAXIMUM]]
    if more := len(ordered) - len(problems):
        line = ordered[_SHOWN_MAXIMUM][0]
        problems.append(Problem(line, "", f"and {more} more problems from here on; correct those above first"))
    return problems


def dotted(location: Iterable[str | int]) -> str:
    """`storage.extra_disks[0].serial`; a part that TOML wants in quotes is quoted and kept short."""
    out = ""
    for part in location:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            out += ("." if out else "") + (part if _BARE_KEY.fullmatch(part) else f"'{ascii(part[:60])[1:-1]}'")
    return out
