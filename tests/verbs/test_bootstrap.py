"""`xeninstall bootstrap`: what it refuses before it looks at anything."""

import os
from pathlib import Path

import pytest

from tests.given import LEAST
from xeninstall.base.errors import UsageError
from xeninstall.cli import main
from xeninstall.verbs.bootstrap import rollback_seconds

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def signals(own_signals: None) -> None:
    """Each call of main here takes signals and gives them back."""


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("1h", 3600), ("24h", 86400)])
def test_a_time_is_a_number_with_its_unit(text: str, seconds: int) -> None:
    assert rollback_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10", "--rollback-after 10 is no time"),
        ("", "--rollback-after  is no time"),
        ("-5m", "--rollback-after -5m is no time"),
        ("m", "--rollback-after m is no time"),
        ("5s", "--rollback-after 5s is too short"),
        ("25h", "--rollback-after 25h is too long"),
    ],
)
def test_another_time_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        rollback_seconds(text)
    assert caught.value.message == words


def test_answers_for_an_installation_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(LEAST)
    assert main(["bootstrap", str(path), "--plan"]) == 2
    said = capsys.readouterr().err
    assert f"{path} is for an installation onto a disk (flow = install)" in said
    assert 'write flow = "bootstrap" at its top' in said


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["bootstrap"], "no answer file was named"),
        (["bootstrap", "--confirm", "--plan"], "--confirm stands alone"),
        (["bootstrap", "x.toml", "--confirm"], "--confirm stands alone"),
    ],
)
def test_usage(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert words in capsys.readouterr().err


def test_without_root_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["bootstrap", str(tmp_path / "answers.toml")]) == 2
    assert "bootstrap needs root" in capsys.readouterr().err
