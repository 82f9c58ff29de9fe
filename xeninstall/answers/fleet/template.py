"""Fills a template: an answer file in whose texts {column} stands for a machine's value.

The template is read as TOML before anything is put in, so that no value, whatever it holds, can become another key.
`{vlan:int}`, `{erase:bool}` and `{servers:list}` (parted by blanks) make a number, a truth, a list of a column's text; a
text that is one placeholder and has no value leaves its key out. `{{` and `}}` are braces. Scripts are taken as they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from xeninstall.answers.lines import Place

from .inventory import Row, Value

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"([a-z][a-z0-9_]{0,39})(?::(int|bool|list))?")
_NOTHING = object()


@dataclass
class Filled:
    """The data of one answer file; whence each filled place came; what could not be filled, with the place in the template."""

    data: dict[str, Any] = field(default_factory=dict)
    columns: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[Place, Place] = field(default_factory=dict)  # place in `data` → in the template, where they differ
    template_faults: list[tuple[Place, str]] = field(default_factory=list)
    row_faults: list[tuple[Place, str]] = field(default_factory=list)

    def columns_of(self, place: Place) -> tuple[str, ...]:
        """Columns that the value at this place, or what lies below it, was made from."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.columns:
                return self.columns[place[:length]]
        below = (names for at, names in self.columns.items() if at[: len(place)] == place)
        return tuple(dict.fromkeys(name for names in below for name in names))

    def source_of(self, place: Place) -> Place:
        """Where in the template a place of the data comes from."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.sources:
                return (*self.sources[place[:length]], *place[length:])
        return place


def fill(template: dict[str, Any], row: Row, columns: frozenset[str]) -> Filled:
    """One machine's data, from columns that the list has; nothing is judged yet but the placeholders themselves."""
    filled = Filled()
    filled.data = _Filling(row, columns, filled).table(template, (), ())
    return filled


def columns_in(template: dict[str, Any]) -> set[str]:
    """Columns that the template names, right or wrong."""
    found: set[str] = set()

    def look(node: object) -> None:
        if isinstance(node, dict):
            for inner in node.values():
                look(inner)
        elif isinstance(node, list):
            for inner in node:
                look(inner)
        elif isinstance(node, str) and not node.startswith("#!"):
            for match in _PARTS.finditer(node):
                if match[1] is not None and (name := _NAME.fullmatch(match[1])):
                    found.add(name[1])

    look(template)
    return found


class _Filling:
    def __init__(self, row: Row, columns: frozenset[str], filled: Filled) -> None:
        self._row, self._columns, self._filled = row, columns, filled

    def table(self, node: dict[str, Any], place: Place, source: Place) -> dict[str, Any]:
        made = {name: self._value(value, (*place, name), (*source, name)) for name, value in node.items()}
        return {name: value for name, value in made.items() if value is not _NOTHING}

    def _value(self, node: Any, place: Place, source: Place) -> Any:  # noqa: ANN401 — whatever TOML has
        if isinstance(node, dict):
            return self.table(node, place, source)
        if isinstance(node, list):
            return self._list(node, place, source)
        if isinstance(node, str) and not node.startswith("#!"):
            return self._text(node, place, source)
        return node

    def _list(self, node: list[Any], place: Place, source: Place) -> list[Any]:
        made: list[Any] = []
        for index, item in enumerate(node):
            at, origin = (*place, len(made)), (*source, index)
            value = self._value(item, at, origin)
            if value is _NOTHING:
                continue
            items = value if isinstance(value, list) and isinstance(item, str) else [value]
            for offset in range(len(items)):
                self._filled.sources[(*place, len(made) + offset)] = origin
                if at in self._filled.columns:
                    self._filled.columns[(*place, len(made) + offset)] = self._filled.columns[at]
            made += items
        return made

    def _text(self, text: str, place: Place, source: Place) -> Any:  # noqa: ANN401 — a column may be typed
        whole = _PARTS.fullmatch(text)
        if whole is not None and whole[1] is not None:
            return self._placeholder(whole[1], place, source)
        used: list[str] = []

        def put(match: re.Match[str]) -> str:
            if match[1] is None:
                if len(match[0]) == 1:
                    self._fault(source, f"a single {match[0]}; write {match[0] * 2} for a brace")
                return match[0][0]
            value = self._placeholder(match[1], place, source)
            used.extend(self._filled.columns.get(place, ()))
            return "" if value is _NOTHING else self._inside(value, match[1], source)

        made = _PARTS.sub(put, text)
        if used:
            self._filled.columns[place] = tuple(dict.fromkeys(used))
        return made

    def _inside(self, value: Any, name: str, source: Place) -> str:  # noqa: ANN401
        if isinstance(value, bool | list):
            self._fault(source, f"{{{name}}} is no text, and stands amid one; let it be the whole value")
            return ""
        return str(value)

    def _placeholder(self, inside: str, place: Place, source: Place) -> Any:  # noqa: ANN401
        name = _NAME.fullmatch(inside)
        if name is None:
            said = f"{{{inside[:40]}}} is no placeholder; write {{column}}, {{column:int}}, :bool or :list, or {{{{ for a brace"
            self._fault(source, said)
            return ""
        column, kind = name[1], name[2]
        if column not in self._columns:
            near = get_close_matches(column, sorted(self._columns), 1, 0.6)
            said = f"there is no column {column}" + (f"; did you mean {near[0]}?" if near else "; add it to the list of machines")
            self._fault(source, said)
            return ""
        self._filled.columns[place] = (column,)
        value = self._row.values.get(column, "")
        if value == "":
            return _NOTHING
        try:
            return _KINDS[kind](value)
        except ValueError as error:
            self._filled.row_faults.append((place, f"{str(value)[:60]!r} is {error}"))
            return _NOTHING

    def _fault(self, source: Place, said: str) -> None:
        self._filled.template_faults.append((source, said))


def _int(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
        return int(value)
    raise ValueError("not a whole number; write digits alone")


def _bool(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("neither true nor false; write one of them")


def _list(value: Value) -> list[str]:
    return list(value) if isinstance(value, tuple) else str(value).split()


def _plain(value: Value) -> Any:  # noqa: ANN401 — a typed column keeps its type
    return list(value) if isinstance(value, tuple) else value


_KINDS: dict[str | None, Callable[[Value], Any]] = {None: _plain, "int": _int, "bool": _bool, "list": _list}
