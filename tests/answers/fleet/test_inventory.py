"""The list of machines: CSV and TOML alike, and every way in which one can be wrong, with its line."""

from pathlib import Path

import pytest

from xeninstall.answers.fleet.inventory import Row, read_inventory
from xeninstall.answers.problems import AnswersError, Problem


def read(tmp_path: Path, text: str | bytes, name: str = "machines.csv") -> tuple[tuple[Row, ...], list[Problem]]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_inventory(path)


def test_rows_keep_their_lines_over_comments_empty_lines_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    text = '# racks\n\nserial,mac,note\nA1,52:54:00:00:00:01,"a, b"\n\n#x,,\nB2,,\n'
    rows, found = read(tmp_path, text)
    assert not found
    assert [(row.line, row.keys) for row in rows] == [(4, {"serial": "A1", "mac": "52-54-00-00-00-01"}), (7, {"serial": "B2"})]
    assert rows[0].values["note"] == "a, b"
    _, found = read(tmp_path, 'serial,note\nA1,"x\ny"\nB2,z\n')
    assert [(problem.line, problem.key) for problem in found] == [(2, "note")]


def test_a_spreadsheets_file_with_semicolons_a_mark_and_capitals(tmp_path: Path) -> None:
    rows, found = read(tmp_path, b"\xef\xbb\xbfSerial;Name\r\nA1;x\r\n")
    assert not found and rows[0].values == {"serial": "A1", "name": "x"}


def test_toml_keeps_types_and_lines(tmp_path: Path) -> None:
    text = '[[machine]]\nserial = "A1"\nvlan = 12\n\n[[machine]]\nmac = "52:54:00:00:00:02"\nkeys = ["a", "b"]\n'
    rows, found = read(tmp_path, text, "machines.toml")
    assert not found
    assert [(row.line, row.lines) for row in rows] == [(1, {"serial": 2, "vlan": 3}), (5, {"mac": 6, "keys": 7})]
    assert rows[0].values["vlan"] == 12 and rows[1].values["keys"] == ("a", "b")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("serial\n../../etc/passwd\n", 2, "serial: looks like a path"),
        ("serial\na\\..\\b\n", 2, "serial: looks like a path"),
        ("serial\na\u202eb\n", 2, "serial: holds a line break or another control character"),
        ("serial,mac\nA,\x1b[2J\n", 2, "mac: holds a line break or another control character"),
        ("serial\n" + "a" * 65 + "\n", 2, "serial: not a serial number"),
        ("mac\nzz\n", 2, "mac: 'zz' is not a MAC address"),
        ("mac\n01:00:5e:00:00:01\n", 2, "multicast"),
        ("serial,mac\nA1,\n\nA1,\n", 4, "serial: A1 is the machine of line 2 already"),
        ("serial\nA 1\na-1\n", 3, "serial: a-1 is the machine of line 2 already"),
        ("serial,mac,name\n,,x\n", 2, "neither serial nor mac"),
        ("serial,name\nA1\n", 2, "1 values, and there are 2 columns"),
        ("serial,name\nA1,x,y\n", 2, "3 values, and there are 2 columns"),
    ],
)
def test_a_machine_that_is_wrong(tmp_path: Path, text: str, line: int, says: str) -> None:
    _, found = read(tmp_path, text)
    assert [problem.line for problem in found] == [line]
    assert says in found[0].shown("")


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("m.csv", b"", 1, "neither a column serial nor mac"),
        ("m.csv", b"serial\n", 0, "no machine is in it"),
        ("m.csv", b"name\nx\n", 1, "neither a column serial nor mac"),
        ("m.csv", b"serial,a b\nA,x\n", 1, "column 2, 'a b', is no name"),
        ("m.csv", b"serial,x,x\nA,1,2\n", 1, "the column x is there twice"),
        ("m.csv", b'serial\n"A\n', 2, "not CSV"),
        ("m.csv", b"serial\n\xff\n", 2, "not text in UTF-8"),
        ("m.csv", b"serial\n\0\n", 2, "a NUL byte"),
        ("m.toml", b"[[machine]]\nx =\n", 2, "not TOML"),
        ("m.toml", b"machine = 1\n", 1, "not a list of tables"),
        ("m.toml", b"", 0, "no machine is in it"),
    ],
)
def test_what_is_no_list(tmp_path: Path, name: str, text: bytes, line: int, says: str) -> None:
    with pytest.raises(AnswersError) as error:
        read(tmp_path, text, name)
    problem = error.value.problems[0]
    assert problem.line == line and says in problem.text


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="cannot be read: No such file or directory; give a list of machines"):
        read_inventory(tmp_path / "none.csv")


def test_a_toml_value_of_no_use(tmp_path: Path) -> None:
    text = '[other]\n[[machine]]\nserial = "A1"\nwhen = 2026-01-01\n"../x" = "y"\n'
    _, found = read(tmp_path, text, "m.toml")
    assert [(problem.line, problem.key) for problem in found] == [(1, "other"), (4, "when"), (5, "../x")]
