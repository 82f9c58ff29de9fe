"""Where passwords come from, and that none is repeated."""

import io
import os
from pathlib import Path

import pytest

from p2v.target.password import Password, read_password
from p2v.target.table import Access
from xeninstall.base.errors import UsageError


def test_the_first_line_of_each_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").write_bytes("pässword\r\nmore\n".encode())
    assert read_password(f"file:{tmp_path}/p", "").text == "pässword"
    monkeypatch.setenv("P", "from the environment")
    assert read_password("env:P", "").text == "from the environment"
    reads, writes = os.pipe()
    os.write(writes, b"from a descriptor\n")
    os.close(writes)
    assert read_password(f"fd:{reads}", "").text == "from a descriptor"
    os.close(reads)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hunter2", "takes the place of a password"),
        ("file:", "takes the place of a password"),
        ("fd:x", "takes the place of a password"),
        ("ask:hunter2", "takes the place of a password"),
        ("file:/none/there", "cannot be read: No such file or directory"),
        ("fd:987", "cannot be read: Bad file descriptor"),
        ("env:NOT_THERE", "there is no such variable"),
        ("file:/dev/null", "there is nothing in it"),
        ("ask", "there is no terminal to ask for a password"),
    ],
)
def test_what_is_refused(source: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError) as caught:
        read_password(source, "password")
    assert message in caught.value.message and "hunter2" not in caught.value.message + caught.value.hint


def test_it_is_not_shown_by_accident() -> None:
    assert "secret" not in f"{Password('secret')} {Password('secret')!r} {Access(password=Password('secret'))!r}"
