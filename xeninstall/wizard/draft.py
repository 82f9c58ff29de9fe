"""The answers while they are being given: nested tables that may be incomplete or wrong, judged by the answers' own rules.

What was typed is kept as it was typed, also when it is wrong: going back and forth loses nothing.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr

from xeninstall.answers.dump import dump
from xeninstall.answers.fields import Section
from xeninstall.answers.load import check, load
from xeninstall.answers.model import Answers
from xeninstall.answers.outside import read_hooks
from xeninstall.answers.problems import AnswersError, dotted
from xeninstall.answers.rules import breaches
from xeninstall.answers.salvage import salvage
from xeninstall.answers.sections import Sections
from xeninstall.answers.source import parse, read_text
from xeninstall.answers.words import in_words, worth_saying
from xeninstall.base.errors import UsageError

# A password that has yet to be asked for is no reason to refuse an answer file: that is what the wizard is for.
_ASKABLE = ("root",)
_PASSWORD_KEYS = ("password_stdin", "password_file")


@dataclass(frozen=True)
class Problem:
    """Something that cannot stay as it is: the key it is about (dotted), what is wrong, and what to do."""

    key: str
    text: str

    def within(self, owned: str) -> bool:
        """Whether it is about this key or one below it."""
        return self.key == owned or self.key.startswith((f"{owned}.", f"{owned}["))


Judgement = tuple[Section, list[Problem]]  # what is valid, with defaults elsewhere; and what is not
Judge = Callable[[dict[str, Any]], Judgement]


def judge_answers(data: dict[str, Any]) -> Judgement:
    """By the models and rules of an answer file. Consumes `data`."""
    sections, findings, broken = salvage(data)
    found = [Problem(dotted(entry["loc"]), in_words(entry)) for entry in worth_saying(findings)]
    found += [Problem(dotted(breach.location), f"{breach.what}; {breach.remedy}") for breach in breaches(sections, broken)]
    return sections, found


class Draft:
    """Answers in the making. Keys are dotted: `network.ipv4.address`."""

    def __init__(self, data: dict[str, Any] | None = None, judge: Judge = judge_answers) -> None:
        self.data: dict[str, Any] = copy.deepcopy(data or {})
        self._judge = judge
        self._judged: Judgement | None = None
        self.on_change: Callable[[], None] = _nothing

    def get(self, key: str) -> Any:  # noqa: ANN401 — what was typed, of whatever kind the key is
        """What was entered, else the answer file's default; enums as their values."""
        node: Any = self.data
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                return self._default(key)
            node = node[part]
        return node

    def given(self, key: str) -> bool:
        """Whether something was entered there."""
        missing = object()
        node: Any = self.data
        for part in key.split("."):
            node = node.get(part, missing) if isinstance(node, dict) else missing
        return node is not missing

    def set(self, key: str, value: object) -> None:
        """Enter a value; None takes the key out, so that its default holds again."""
        *above, name = key.split(".")
        node = self.data
        for part in above:
            inner = node.get(part)
            node[part] = node = inner if isinstance(inner, dict) else {}
        if value is None:
            node.pop(name, None)
        else:
            node[name] = copy.deepcopy(value)
        self._prune(above)
        self._judged = None
        self.on_change()

    def put(self, data: dict[str, Any]) -> None:
        """Other answers in place of all that were entered."""
        self.data = copy.deepcopy(data)
        self._judged = None

    def section(self, name: str) -> Any:  # noqa: ANN401 — the model of that section, which the caller names
        """The valid part of a section as the answers' own model (`draft.section("network").ipv4`), defaults elsewhere."""
        return getattr(self._valid()[0], name)

    def problems(self, *owned: str) -> list[Problem]:
        """What is wrong in these keys and below them; without arguments, everywhere."""
        found = self._valid()[1]
        return [one for one in found if not owned or any(one.within(key) for key in owned)]

    def whole(self) -> Answers:
        """The answers, when nothing is wrong. Raises UsageError with the first problem otherwise."""
        sections, found = self._valid()
        if found:
            raise UsageError(f"{found[0].key}: {found[0].text}", hint="go back to the step that asks for it")
        return Answers.model_validate(dict(sections))

    def text(self) -> str:
        """The answer file that replays these answers, without secrets. Raises UsageError like `whole`."""
        return dump(self.whole())

    @classmethod
    def from_answers(cls, answers: Answers) -> Self:
        """A draft with everything that differs from the defaults entered."""
        return cls(_plain(answers))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """A draft from an answer file. A password still to be given is asked for; any other mistake raises AnswersError."""
        found = check(path)
        if any(problem.key.partition(".")[0] not in _ASKABLE for problem in found):
            raise AnswersError(path, found)
        data = parse(path, read_text(path))
        root = data.get("root")
        asks_for_password = isinstance(root, dict) and root.get("password_stdin") is True
        if found or asks_for_password:
            if isinstance(root, dict):
                for key in _PASSWORD_KEYS:
                    root.pop(key, None)
            hooks, _ = read_hooks(salvage(copy.deepcopy(data))[0].hooks, path.parent if path.is_file() else Path())
            return cls(data | ({"hooks": _plain(hooks)} if "hooks" in data else {}))
        return cls.from_answers(load(path))

    def _valid(self) -> Judgement:
        if self._judged is None:
            self._judged = self._judge(copy.deepcopy(self.data))
        return self._judged

    def _prune(self, above: list[str]) -> None:
        # An empty table is not the same as none: [network.bond] without keys would be a bond without members.
        for depth in range(len(above), 0, -1):
            node: Any = self.data
            for part in above[: depth - 1]:
                node = node[part]
            if not node[above[depth - 1]]:
                del node[above[depth - 1]]

    def _default(self, key: str) -> object:
        node: Any = self._judge({})[0] if self._judge is not judge_answers else Sections()
        for part in key.split("."):
            node = getattr(node, part, None)
        return _plain(node)


def _nothing() -> None:
    """Nobody wants to know."""


def _plain(value: Any) -> Any:  # noqa: ANN401 — any value that a model can hold
    """Models as tables of what differs from their defaults, enums and secrets as their values, tuples as lists."""
    match value:
        case Section():
            return dict(_changed(value))
        case Enum():
            return value.value
        case SecretStr():
            return value.get_secret_value()
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value


def _changed(section: Section) -> Iterator[tuple[str, object]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if value != field.default:
            yield name, _plain(value)


__all__ = ["Draft", "Judge", "Problem", "judge_answers"]
