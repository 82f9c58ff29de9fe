"""The list of machines: a row of a CSV file, or a [[machine]] table of a TOML file, is one machine and its values."""

import csv
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from xeninstall.answers.fields import MacAddress
from xeninstall.answers.lines import Lines
from xeninstall.answers.problems import AnswersError, Problem
from xeninstall.base.naming import mac_name, serial_name

Value = str | int | bool | tuple[str, ...]

_SIZE_MAXIMUM_BYTES = 16 * 2**20
_VALUE_MAXIMUM_CHARACTERS = 20_000
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SERIAL = re.compile(r"[ -~]{1,64}")
_MAC: TypeAdapter[str] = TypeAdapter(MacAddress)


@dataclass(frozen=True)
class Row:
    """One machine: where it stands, and its values by column. `lines` has a line for each column."""

    line: int
    values: dict[str, Value]
    lines: dict[str, int]

    @property
    def keys(self) -> dict[str, str]:
        """Names of its files by what they are named after: {"serial": "ABC123", "mac": "52-54-00-12-34-56"}."""
        found = {"serial": serial_name(self._text("serial")), "mac": mac_name(self._text("mac"))}
        return {kind: name for kind, name in found.items() if name}

    def line_of(self, columns: tuple[str, ...]) -> int:
        """The line of the first of these columns that the machine has."""
        return next((self.lines[name] for name in columns if name in self.lines), self.line)

    def _text(self, column: str) -> str:
        return str(self.values.get(column, ""))


def read_inventory(path: Path) -> tuple[tuple[Row, ...], list[Problem]]:
    """The machines, and everything that is wrong with the list itself. Raises AnswersError when it is no list at all."""
    text = _text(path)
    found: list[Problem] = []
    rows = tuple(_toml(path, text, found) if path.suffix.lower() == ".toml" else _csv(path, text, found))
    if not rows and not found:
        raise AnswersError(path, [Problem(0, "", "no machine is in it; add a line for each, below the names of the columns")])
    found += _twice([row for row in rows if _keys_are_right(row, found)])
    return rows, found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise AnswersError(path, [Problem(0, "", f"cannot be read: {why}; give a list of machines, .csv or .toml")]) from None
    if len(data) > _SIZE_MAXIMUM_BYTES:
        raise AnswersError(path, [Problem(0, "", "larger than 16 MiB, which no list of machines is; give the right file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AnswersError(path, [Problem(line, "", "not text in UTF-8; save the file in that encoding")]) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise AnswersError(path, [Problem(line, "", "a NUL byte: this is no text file; give the right file, saved as UTF-8")])
    return text.replace("\r\n", "\n")


def _csv(path: Path, text: str, found: list[Problem]) -> Iterator[Row]:
    records = _records(path, text)
    at, header = next(records, (1, []))
    names = [name.strip().lower() for name in header]
    _check_columns(path, at, names)
    for line, record in records:
        if len(record) != len(names):
            said = f"{len(record)} values, and there are {len(names)} columns; give one for each, and quote what holds a comma"
            found.append(Problem(line, "", said))
            continue
        values = dict(zip(names, (value.strip() for value in record), strict=True))
        yield Row(line, dict(values), dict.fromkeys(names, line))


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with its first line; empty lines and those that begin with # are left out."""
    head = next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")
    # Spreadsheets of countries with a decimal comma write semicolons.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head and "," not in head else ",", strict=True)
    line = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            said = f"not CSV: {error}; put a value with a comma or a quote into quotes, and double the quotes inside"
            raise AnswersError(path, [Problem(line, "", said)]) from None
        if record is None:
            return
        if any(value.strip() for value in record) and not record[0].startswith("#"):
            yield line, record
        line = reader.line_num + 1


def _check_columns(path: Path, line: int, names: list[str]) -> None:
    problems = []
    for number, name in enumerate(names, 1):
        if _COLUMN.fullmatch(name) is None:
            said = f"column {number}, {name[:40]!r}, is no name; use small letters, digits and underscores, such as address"
            problems.append(Problem(line, "", said))
        elif name in names[: number - 1]:
            problems.append(Problem(line, "", f"the column {name} is there twice; give each its own name"))
    if not problems and not {"serial", "mac"} & set(names):
        problems.append(Problem(line, "", "neither a column serial nor mac; add one, which tells the machines apart"))
    if problems:
        raise AnswersError(path, problems)


def _toml(path: Path, text: str, found: list[Problem]) -> Iterator[Row]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswersError(path, [Problem(_line_in(str(error)), "", f"not TOML: {error}; correct the line")]) from None
    lines = Lines(text)
    machines = data.pop("machine", [])
    strange = "not known here; write a [[machine]] table for each machine"
    found.extend(Problem(lines.of((name,)), name[:40], strange) for name in data)
    if not isinstance(machines, list) or not all(isinstance(one, dict) for one in machines):
        raise AnswersError(path, [Problem(lines.of(("machine",)), "machine", "not a list of tables; write [[machine]]")])
    for index, table in enumerate(machines):
        yield _table(index, table, lines, found)


def _table(index: int, table: dict[str, Any], lines: Lines, found: list[Problem]) -> Row:
    values: dict[str, Value] = {}
    at: dict[str, int] = {}
    for name, value in table.items():
        line = lines.of(("machine", index, name))
        if _COLUMN.fullmatch(name) is None:
            said = "no name for a value; use small letters, digits and underscores, such as address"
            found.append(Problem(line, name[:40], said))
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            values[name], at[name] = tuple(value), line
        elif isinstance(value, str | int | bool):
            values[name], at[name] = value, line
        else:
            said = "neither text, a whole number, true or false, nor a list of texts; write one of these"
            found.append(Problem(line, name, said))
    return Row(lines.of(("machine", index)), values, at)


def _keys_are_right(row: Row, found: list[Problem]) -> bool:
    before = len(found)
    for column, value in row.values.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not (text.isprintable() and len(text) <= _VALUE_MAXIMUM_CHARACTERS):
                said = "holds a line break or another control character, or is too long; write plain text on one line"
                found.append(Problem(row.lines[column], column, said))
    if len(found) > before:
        return False
    serial, mac = row.values.get("serial", ""), row.values.get("mac", "")
    if not serial and not mac:
        found.append(Problem(row.line, "", "neither serial nor mac; give one, by which the machine asks for its answers"))
    if serial and not (isinstance(serial, str) and _SERIAL.fullmatch(serial)):
        said = "not a serial number; write up to 64 letters, digits and signs, in quotes, as `xeninstall probe` shows it"
        found.append(Problem(row.lines["serial"], "serial", said))
    elif isinstance(serial, str) and ("/" in serial or "\\" in serial or ".." in serial):
        said = "looks like a path; write - for each / and \\ of a serial number, and .- for .."
        found.append(Problem(row.lines["serial"], "serial", said))
    if mac:
        try:
            _MAC.validate_python(mac)
        except ValidationError as error:
            found.append(Problem(row.lines["mac"], "mac", error.errors()[0]["msg"]))
    return len(found) == before


def _twice(rows: list[Row]) -> Iterator[Problem]:
    # By small letters: some file systems, and people, do not tell them from capitals.
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        for kind, name in row.keys.items():
            earlier = first.setdefault((kind, name.lower()), row)
            if earlier is not row:
                said = f"{row.values[kind]} is the machine of line {earlier.line} already; correct one of them"
                yield Problem(row.lines[kind], kind, said)


def _line_in(message: str) -> int:
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else 0
