"""On which line each key of a TOML file stands; tomllib does not say. Reads valid TOML only, and never fails: what it
does not understand is left out, and a key that is not found is looked for at the table around it.
"""

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress

Place = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_STRING = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class Lines:
    """Line numbers, counted from 1, by place in the file."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Place, int] = {}
        with suppress(_NotUnderstood, RecursionError):  # what was found until then still helps
            _Scan(text, self._lines).document()

    def of(self, place: Place) -> int:
        """The line of a key, or of the nearest table around it, or 1."""
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return self._lines[place[:length]]
        return 1


class _NotUnderstood(Exception):
    """Not TOML as this scanner knows it."""


class _Scan:
    def __init__(self, text: str, lines: dict[Place, int]) -> None:
        self._text, self._lines, self._at = text, lines, 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._last_index: dict[Place, int] = {}  # of each array of tables

    def document(self) -> None:
        table: Place = ()
        while self._skip(_BLANK_LINES) < len(self._text):
            start = self._at
            if self._take("[["):
                *above, name = self._key()
                array = (*self._resolve(above), name)
                index = self._last_index[array] = self._last_index.get(array, -1) + 1
                self._note(array, start)
                table = (*array, index)
                self._note(table, start)
                self._take("]]")
            elif self._take("["):
                table = self._resolve(self._key())
                # The header itself is the table's line, even where [a.b] above it has made [a] already.
                self._note(table, start, anew=True)
                self._take("]")
            else:
                self._pair(table)
            if self._skip(_BLANK_LINES) == start:
                raise _NotUnderstood

    def _resolve(self, parts: list[str]) -> Place:
        # [fruit.size] below [[fruit]] means the last fruit.
        place: Place = ()
        for part in parts:
            place = (*place, part)
            self._note(place, self._at)
            if place in self._last_index:
                place = (*place, self._last_index[place])
        return place

    def _pair(self, table: Place) -> None:
        start = self._at
        place = table
        for part in self._key():
            place = (*place, part)
            self._note(place, start)
        if not self._take("="):
            raise _NotUnderstood
        self._skip(_BLANK)
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._take("["):
            index = 0
            while self._skip(_BLANK_LINES) < len(self._text) and not self._take("]"):
                self._note((*place, index), self._at)
                self._value((*place, index))
                self._skip(_BLANK_LINES)
                self._take(",")
                index += 1
        elif self._take("{"):
            while self._skip(_BLANK_LINES) < len(self._text) and not self._take("}"):
                self._pair(place)
                self._skip(_BLANK_LINES)
                self._take(",")
        elif self._match(_STRING) is None and self._match(_SCALAR) is None:
            raise _NotUnderstood

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_BLANK)
            if (bare := self._match(_BARE)) is not None:
                parts.append(bare)
            elif (quoted := self._match(_QUOTED)) is not None:
                parts.append(_unquoted(quoted))
            else:
                raise _NotUnderstood
            self._skip(_BLANK)
            if not self._take("."):
                return parts

    def _note(self, place: Place, at: int, *, anew: bool = False) -> None:
        if anew or place not in self._lines:
            self._lines[place] = bisect_right(self._newlines, at - 1) + 1

    def _take(self, token: str) -> bool:
        found = self._text.startswith(token, self._at)
        self._at += len(token) if found else 0
        return found

    def _skip(self, pattern: "re.Pattern[str]") -> int:
        self._match(pattern)
        return self._at

    def _match(self, pattern: "re.Pattern[str]") -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]


def _unquoted(quoted: str) -> str:
    try:
        return str(tomllib.loads(f"key = {quoted}")["key"])
    except tomllib.TOMLDecodeError:
        raise _NotUnderstood from None
