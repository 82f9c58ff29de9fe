"""Writes values as TOML 1.0, which the standard library only reads."""

import re
from datetime import datetime
from enum import Enum

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_NEEDS_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f]')


def toml_value(value: object) -> str:
    """One value, on one line but for texts of several lines. Raises TypeError for what TOML has no form of."""
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return toml_value(value.value)
        case int():
            return str(value)
        case str():
            return _lines(value) if "\n" in value else f'"{_escaped(value)}"'
        case datetime():
            return value.isoformat()
        case list() | tuple():
            return _list([toml_value(item) for item in value])
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML")


def _list(items: list[str]) -> str:
    short = f"[{', '.join(items)}]"
    if len(short) <= 100:
        return short
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _lines(text: str) -> str:
    # The line break after the opening quotes is TOML's own and not part of the text.
    plain = "'''" not in text and not text.endswith("'") and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    if plain:
        return f"'''\n{text}'''"
    escaped = "\n".join(_escaped(line) for line in text.split("\n"))
    return f'"""\n{escaped}"""'


def _escaped(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04X}", text)
