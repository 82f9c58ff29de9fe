"""Terminals: what is set for each before Textual is loaded, and the ones that are refused with a way out."""

import os
import subprocess
import sys

import pytest

from xeninstall.base.errors import UsageError
from xeninstall.wizard.console import settings


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_without_a_screen_is_refused_with_the_headless_way(term: str) -> None:
    with pytest.raises(UsageError) as refused:
        settings({"TERM": term} if term else {})
    assert "cannot show the wizard" in refused.value.message
    assert "xeninstall install ANSWERS" in refused.value.hint


def test_the_command_refuses_a_dumb_terminal_with_exit_code_2_and_no_traceback() -> None:
    environ = {**os.environ, "TERM": "dumb"}
    argv = [sys.executable, "-m", "xeninstall", "wizard", "--machine", "tests/data/machines/nvme.json"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "TERM=dumb" in done.stderr
    assert "xeninstall install ANSWERS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("term", "monochrome"), [("linux", False), ("xterm-256color", False), ("vt100", True), ("vt220", True)])
def test_terminals_without_colour_get_none(term: str, monochrome: bool) -> None:
    wanted = settings({"TERM": term})
    assert ("NO_COLOR" in wanted) is monochrome
    assert wanted["TEXTUAL_THEME"] == "ansi-dark"
    assert wanted["TEXTUAL_ANIMATIONS"] == "none"


def test_no_other_command_loads_textual() -> None:
    code = "import sys; from xeninstall.cli import main; main(['example']); sys.exit('textual' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
