"""`xeninstall check`."""

import json
from pathlib import Path

import pytest

from tests.given import LEAST
from tests.test_cli import run
from xeninstall.cli import main


@pytest.fixture(autouse=True)
def signals(own_signals: None) -> None:
    """Each call of main here takes signals and gives them back."""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "answers.toml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, LEAST)
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: no errors\n"


def test_every_mistake_at_once_as_file_line_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, LEAST + '[host]\nname = "-bad-"\n[network]\nvlan = 5000\n[packages]\nstes = []\n')
    assert main(["check", str(path)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{path}:7", "host.name"],
        [f"{path}:9", "network.vlan"],
        [f"{path}:11", "packages.stes"],
    ]


def test_a_file_that_is_not_there_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/no/such.toml"]) == 2
    assert capsys.readouterr().out.startswith("/no/such.toml: there is no such file; ")


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, LEAST + "[network]\nvlan = 5000\n")
    assert main(["check", "--json", str(path)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is False
    (problem,) = found["problems"]
    assert (problem["file"], problem["line"], problem["key"]) == (str(path), 7, "network.vlan")


def test_from_standard_input() -> None:
    assert run("check", "-", stdin=LEAST.encode()).stdout == "-: no errors\n"
    bad = run("check", "-", stdin=b"[disk\n")
    assert bad.returncode == 2 and bad.stdout.startswith("-:1: ")
