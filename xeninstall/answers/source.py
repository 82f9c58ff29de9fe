"""From a path to TOML's data: every way in which a file can fail to be an answer file at all."""

import re
import tomllib
from pathlib import Path
from typing import Any

from .problems import AnswersError, Problem

SIZE_MAXIMUM_BYTES = 2**20
# The longest lists that the model allows hold a tenth of that; judging millions would take minutes.
_VALUES_MAXIMUM = 10_000
# tomllib takes time by the square of a dotted key's parts; our deepest key has four.
_DEEP_KEY = re.compile(r"""(?<![\w"'.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}""")


def read_text(path: Path) -> str:
    """The file's text with \\n at line ends; raises AnswersError."""
    data = _read(path)
    if not data.strip():
        raise _refused(path, 0, "the file is empty; begin with one of the examples: xeninstall example")
    if len(data) > SIZE_MAXIMUM_BYTES:
        raise _refused(path, 0, "larger than 1 MiB, which no answer file is; give the right file")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(path, line, "not text in UTF-8; save the file in that encoding") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _refused(path, line, "a NUL byte: this is no text file; give the right file, saved as UTF-8")
    return text


def parse(path: Path, text: str) -> dict[str, Any]:
    """What TOML makes of the text; raises AnswersError with the line of its first mistake."""
    deep = _DEEP_KEY.search(text)
    if deep is not None:
        raise _refused(path, text.count("\n", 0, deep.start()) + 1, "nested too deep; no answer has so many dots in its key")
    try:
        data = tomllib.loads(text)
        if _has_more_values_than(_VALUES_MAXIMUM, data):
            raise _refused(path, 0, f"more than {_VALUES_MAXIMUM} values, which no answer file has; give the right file")
        return data
    except RecursionError:
        problem = Problem(0, "", "nested too deep for an answer file; give the right file")
    except ValueError as error:  # TOMLDecodeError is one; so is the complaint about an integer of thousands of digits
        problem = _syntax(str(error), text)
    raise AnswersError(path, [problem])


def _has_more_values_than(maximum: int, data: dict[str, Any]) -> bool:
    waiting: list[Any] = [data]
    count = 0
    while waiting and count <= maximum:
        node = waiting.pop()
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        count += len(inner)
        waiting.extend(item for item in inner if isinstance(item, dict | list))
    return count > maximum


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise _refused(path, 0, "there is no such file; give an answer file's path, or make one: xeninstall example") from None
    except IsADirectoryError:
        raise _refused(path, 0, "this is a directory; give the answer file in it") from None
    except PermissionError:
        raise _refused(path, 0, "reading it is not permitted; run as root, or change its mode") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise _refused(path, 0, f"cannot be read: {why}; give the path of an answer file") from None


def _refused(path: Path, line: int, text: str) -> AnswersError:
    return AnswersError(path, [Problem(line, "", text)])


def _syntax(message: str, text: str) -> Problem:
    position = re.search(r"\(at line (\d+), column \d+\)", message)
    if position is None and "end of document" in message:
        last = text.rstrip().count("\n") + 1
        return Problem(last, "", "the file ends in the middle of something; close the quotes or brackets opened last")
    line = int(position[1]) if position else _line_of_long_number(text)
    for pattern, words in _SYNTAX:
        if re.match(pattern, message):
            return Problem(line, "", words)
    return Problem(line, "", "this is not TOML; correct the line, or compare it with: xeninstall example")


def _line_of_long_number(text: str) -> int:
    # int()'s complaint about too many digits is the one that comes without a position.
    digits = re.search(r"[0-9_]{4000}", text)
    return text.count("\n", 0, digits.start()) + 1 if digits else 1


# tomllib's messages begin like this; its own words are for those who know its grammar.
_SYNTAX = (
    (r"Invalid value|Invalid date", "not a value; put text in quotes, and write true and false in small letters"),
    (r"Cannot overwrite|Duplicate inline table key", "this key was given before; keep one of the two"),
    (r"Cannot declare|Cannot redefine|Cannot mutate", "this table was given before; put all its keys below one header"),
    (r"Expected '=' after a key", "no = after the key; write key = value"),
    (r"Expected newline or end of document", "something follows the value; begin a new line, or check the quotes"),
    (r"Invalid statement|Invalid initial character", "neither a key nor a table; write key = value, [table] or a # comment"),
    (r"Expected '\]", "no ] after the table's name; write [table]"),
    (r"Unclosed array", "a list without its end; close it with ]"),
    (r"Unclosed inline table", "a table without its end; close it with }, on the same line"),
    (r"Unescaped|Invalid hex|Escaped character", r"a backslash without meaning; write \\ for one, or use 'single quotes'"),
    (r"Unterminated|Expected [\"']{2}|Illegal character '\\n'", "text without its closing quote; close it on the same line"),
    (r"Illegal character|Found invalid character", "a control character; remove it"),
    (r"Exceeds the limit", "a number with thousands of digits; write the right one"),
)
