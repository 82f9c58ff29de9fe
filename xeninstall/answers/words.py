"""Says pydantic's findings in plain words: what is wrong, and what to do. No value is repeated that could be a secret."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from .keys import keys, table_at

Words = tuple[str, str]  # what is wrong, what to do


def in_words(error: ErrorDetails) -> str:
    """`what is wrong; what to do` for one of pydantic's findings."""
    if error["type"] == "answer":
        return error["msg"]
    say = _SAYINGS.get(error["type"], _unusable)
    return "; ".join(say(error))


def worth_saying(findings: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that another one explains: a list is not too short when its items were refused."""
    inside = {entry["loc"][:-1] for entry in findings}
    return [entry for entry in findings if not (entry["type"] == "too_short" and entry["loc"] in inside)]


def _unusable(error: ErrorDetails) -> Words:
    return f"a value that cannot be used ({error['type'].replace('_', ' ')})", "see xeninstall-answers(5)"


def _unknown(error: ErrorDetails) -> Words:
    *above, name = error["loc"]
    table = table_at(above)
    known = list(table.model_fields) if table else []
    near = get_close_matches(str(name)[:60].lower(), known, 1, 0.6)
    if near:
        return "unknown key", f"did you mean {near[0]}?"
    # Perhaps a key of another table: `name = …` above the first header belongs to [host].
    elsewhere = [key.path for key in keys() if key.path.rpartition(".")[2] == name]
    if elsewhere and len(elsewhere) <= 3:
        places = " or ".join(path if "." in path else f"{path}, above the first table" for path in elsewhere)
        return "unknown key here", f"did you mean {places}?"
    return "unknown key", f"known here: {', '.join(known)}"


def _not_a_table(error: ErrorDetails) -> Words:
    *above, name = [part for part in error["loc"] if not isinstance(part, int)]
    header = ".".join(str(part) for part in (*above, name))
    if isinstance(error["input"], list):
        return "a list where a single table is wanted", f"write [{header}] with its keys below"
    if isinstance(error["loc"][-1], int):
        return "not a table", f"write [[{header}]] with its keys below"
    return f"{_kind(error['input'])} where a table is wanted", f"write [{header}] with its keys below"


def _not_text(error: ErrorDetails) -> Words:
    return f"{_kind(error['input'])} where text is wanted", "write the value in quotes"


def _not_a_number(error: ErrorDetails) -> Words:
    remedy = "write the number without quotes" if isinstance(error["input"], str) else "write a whole number"
    return f"{_kind(error['input'])} where a whole number is wanted", remedy


def _not_a_list(error: ErrorDetails) -> Words:
    if isinstance(error["input"], dict):
        return "a table where a list is wanted", f"write [[{'.'.join(str(part) for part in error['loc'])}]], in double brackets"
    return f"{_kind(error['input'])} where a list is wanted", "write it in brackets, even a single one"


def _too_low(error: ErrorDetails) -> Words:
    return f"{_number(error['input'])} is too small", f"the least is {_context(error)['ge']}"


def _too_high(error: ErrorDetails) -> Words:
    return f"{_number(error['input'])} is too large", f"the most is {_context(error)['le']}"


def _too_few(error: ErrorDetails) -> Words:
    context = _context(error)
    return f"{context['actual_length']} in the list are too few", f"give {context['min_length']} or more"


def _too_many(error: ErrorDetails) -> Words:
    return "too many in the list", f"give {_context(error)['max_length']} at most"


def _not_a_choice(error: ErrorDetails) -> Words:
    expected = str(_context(error)["expected"])
    choices = re.findall(r"'([^']*)'", expected) or re.findall(r"[0-9]+", expected)
    given = error["input"]
    if not isinstance(given, str | int) or isinstance(given, bool):
        return f"{_kind(given)} where one of {', '.join(choices)} is wanted", "write one of them"
    shown = repr(given[:40]) if isinstance(given, str) else _number(given)
    near = get_close_matches(given[:40].lower(), choices, 1, 0.6) if isinstance(given, str) else []
    if isinstance(given, str) and given in choices:
        return f"{shown} is text where a number is wanted", "write the number without quotes"
    return f"{shown} is not one of {', '.join(choices)}", f"did you mean {near[0]}?" if near else "write one of them"


def _missing(error: ErrorDetails) -> Words:
    return "missing", "give it, or leave its table out"


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or a time"


def _number(value: object) -> str:
    # Python refuses to print integers of thousands of digits, and nobody wants to read them.
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else "this number"


def _context(error: ErrorDetails) -> dict[str, Any]:
    return error.get("ctx") or {}


_SAYINGS: dict[str, Callable[[ErrorDetails], Words]] = {
    "extra_forbidden": _unknown,
    "model_type": _not_a_table,
    "model_attributes_type": _not_a_table,
    "string_type": _not_text,
    "string_sub_type": _not_text,
    "int_type": _not_a_number,
    "int_from_float": _not_a_number,
    "int_parsing": _not_a_number,
    "tuple_type": _not_a_list,
    "greater_than_equal": _too_low,
    "less_than_equal": _too_high,
    "too_short": _too_few,
    "too_long": _too_many,
    "enum": _not_a_choice,
    "literal_error": _not_a_choice,
    "missing": _missing,
}
