"""`xeninstall start` as a process where nobody is: what it says, what it tells the webhook, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Answer, serving

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]


def _start(line: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    words = tmp_path / "cmdline"
    words.write_text(line + "\n")
    argv = [sys.executable, "-m", "xeninstall", "start", "--command-line", str(words)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_words_that_are_not_understood(tmp_path: Path) -> None:
    done = _start("quiet xeninstall.mode=instal xeninstall.anwsers=/x", tmp_path)
    assert done.returncode == 2 and done.stderr == ""
    assert done.stdout.startswith("Kernel command line: xeninstall.anwsers is not known: did you mean xeninstall.answers?\n")
    assert "FAILED at the step: kernel command line\n  xeninstall.mode: 'instal' is none of" in done.stdout


def test_answers_from_a_server_with_mistakes_are_listed_and_told(tmp_path: Path) -> None:
    with serving(Answer(503), Answer(body=b"[disk]\nerese = true\n")) as fleet, serving(Answer(500), Answer(204)) as hook:
        answers, webhook = fleet.url("/a.toml?t=MARKER", "u:MARKER@"), hook.url("/MARKER")
        done = _start(f"xeninstall.answers={answers} xeninstall.webhook={webhook}", tmp_path)
    assert done.returncode == 2, done.stderr
    assert (
        "waiting for the server: the server of" in done.stdout and "disk.erese: unknown key; did you mean erase?" in done.stdout
    )
    event = json.loads(hook.asked[-1].body)
    assert (event["event"], event["stage"], event["exit_code"]) == ("Failed", "answers", 2)
    assert "MARKER" not in done.stdout + done.stderr
    log = Path("/run/xeninstall/start.log").read_text()
    assert "MARKER" not in log


def test_a_command_line_that_is_not_there(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "xeninstall", "start", "--command-line", "/none"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "xeninstall: /none cannot be read: No such file or directory\n  -> name a file with the words in it\n",
    )
