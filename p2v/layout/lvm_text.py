"""The text in which LVM2 keeps a volume group: `name { key = value … }`, values being numbers, strings and lists of them."""

import re

from .model import Damaged

Value = int | str | list["Value"] | dict[str, "Value"]
_TOKEN = re.compile(r'\s+|#[^\n]*|(?P<word>[A-Za-z0-9_.+-]+)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<sign>[{}=\[\],])', re.DOTALL)
_MAX_DEPTH = 32


def parse(text: str) -> dict[str, Value]:
    """The whole text as nested sections. Raises Damaged."""
    tokens = _tokens(text)
    section, end = _section(tokens, 0, 0)
    if end != len(tokens):
        raise Damaged("LVM's metadata closes a section that was not opened")
    return section


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise Damaged(f"LVM's metadata cannot be read at {text[place : place + 20]!r}")
        if match.lastgroup:
            found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def _section(tokens: list[tuple[str, str]], place: int, depth: int) -> tuple[dict[str, Value], int]:
    if depth > _MAX_DEPTH:
        raise Damaged("LVM's metadata is nested too deeply")
    found: dict[str, Value] = {}
    while place < len(tokens) and tokens[place] != ("sign", "}"):
        name = _expect(tokens, place, "word")
        sign = _expect(tokens, place + 1, "sign")
        if sign == "{":
            found[name], place = _section(tokens, place + 2, depth + 1)
            if place >= len(tokens):
                raise Damaged("LVM's metadata ends within a section")
            place += 1
        elif sign == "=":
            found[name], place = _value(tokens, place + 2)
        else:
            raise Damaged(f"LVM's metadata has {sign!r} behind {name[:40]!r}")
    return found, place


def _value(tokens: list[tuple[str, str]], place: int) -> tuple[Value, int]:
    if place < len(tokens) and tokens[place] == ("sign", "["):
        items: list[Value] = []
        place += 1
        while place < len(tokens) and tokens[place] != ("sign", "]"):
            if tokens[place] == ("sign", ","):
                place += 1
                continue
            items.append(_plain(tokens, place))
            place += 1
        if place >= len(tokens):
            raise Damaged("LVM's metadata ends within a list")
        return items, place + 1
    return _plain(tokens, place), place + 1


def _plain(tokens: list[tuple[str, str]], place: int) -> Value:
    kind, text = tokens[place] if place < len(tokens) else ("", "")
    if kind == "word":
        return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else text
    if kind == "text":
        return text
    raise Damaged("LVM's metadata lacks a value")


def _expect(tokens: list[tuple[str, str]], place: int, kind: str) -> str:
    if place >= len(tokens) or tokens[place][0] != kind:
        raise Damaged(f"LVM's metadata lacks a {'name' if kind == 'word' else 'sign'}")
    return tokens[place][1]
