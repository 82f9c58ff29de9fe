"""`xeninstall setup` without a screen: what it refuses, and a change that waits is settled by a word."""

from pathlib import Path

import pytest

from xeninstall.cli import main
from xeninstall.host import undo
from xeninstall.verbs import setup


@pytest.fixture(autouse=True)
def signals(own_signals: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of main here takes signals and gives them back; nothing is asked of who we are."""
    monkeypatch.setattr(setup, "must_be_root", lambda: None)


def test_a_terminal_that_shows_no_screens_is_refused_with_another_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert main(["setup"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("xeninstall: the terminal (TERM=dumb) cannot show the wizard\n  -> ") and "xl info" in said


@pytest.mark.parametrize("seconds", ["5", "3601"])
def test_a_time_that_nobody_can_confirm_in_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--undo-after", seconds]) == 2
    assert "--undo-after is not a number of seconds from 10 to 3600" in capsys.readouterr().err


def test_where_nothing_waits_there_is_nothing_to_settle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(undo, "PLACE", str(tmp_path / "none"))
    assert main(["setup", "--confirm"]) == 1
    assert "the old settings are back: nobody confirmed the change in time" in capsys.readouterr().err
    assert main(["setup", "--undo"]) == 1
    assert "no change waits to be confirmed" in capsys.readouterr().err
