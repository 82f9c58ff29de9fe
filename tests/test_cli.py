"""The command line as users meet it: exit codes, errors in words, no traceback whatever comes in."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.given import DATA, LEAST
from xeninstall import __version__, cli
from xeninstall.base.errors import Error, ExitCode
from xeninstall.parser import build_parser

ROOT = Path(__file__).parent.parent
_COMMAND = (sys.executable, "-m", "xeninstall")
_VERBS = (
    "answers",
    "check",
    "schema",
    "example",
    "probe",
    "prove",
    "install",
    "bootstrap",
    "wizard",
    "pack",
    "setup",
    "start",
    "rescue",
    "logs",
    "man",
    "completion",
)


def run(*argv: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`xeninstall …` as a process of its own."""
    line = [*_COMMAND, *map(str, argv)]
    done = subprocess.run(line, input=stdin, capture_output=True, cwd=ROOT, timeout=60, env=env, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(line, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_every_verb_explains_itself() -> None:
    (verbs,) = (action for action in build_parser()._actions if action.dest == "verb")
    parsers: Mapping[str, argparse.ArgumentParser] = verbs.choices  # type: ignore[assignment]
    assert set(parsers) == set(_VERBS)
    for verb, parser in parsers.items():
        text = parser.format_help()
        assert f"usage: xeninstall {verb}" in text and "-h, --help" in text
    assert run("install", "--help").returncode == 0


def test_version_and_help() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"xeninstall {__version__}\n")
    assert all(verb in run("--help").stdout for verb in _VERBS)


def test_without_a_verb_help_comes_with_the_code_of_bad_usage() -> None:
    done = run()
    assert done.returncode == 2 and "usage: xeninstall" in done.stdout


@pytest.mark.parametrize(
    "argv", [["frobnicate"], ["check"], ["install", "--si", "3G", "x"], ["completion", "tcsh"], ["--nonsense"]]
)
def test_bad_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert "xeninstall" in capsys.readouterr().err


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    class Verb:
        @staticmethod
        def run(args: object) -> int:
            raise error

    monkeypatch.setattr("importlib.import_module", lambda *_: Verb)
    return cli.main(["schema"])


@pytest.mark.parametrize("code", list(ExitCode))
def test_an_error_becomes_a_message_a_hint_and_its_code(
    code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_signals: None
) -> None:
    assert _raising(monkeypatch, Error("it broke\nat the seam", hint="mend it", exit_code=code)) == code
    assert capsys.readouterr().err == "xeninstall: it broke\nxeninstall: at the seam\n  -> mend it\n"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyboardInterrupt(), 4, "xeninstall: stopped\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "xeninstall: /x: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "xeninstall: No space left on device\n"),
    ],
)
def test_what_nobody_expected_has_words_too(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_signals: None,
) -> None:
    monkeypatch.setattr(cli, "_abandon_output", lambda: None)
    assert _raising(monkeypatch, error) == code
    assert capsys.readouterr().err == says


def test_a_reader_that_goes_away_is_no_error_of_ours() -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen([*_COMMAND, "schema"], stdout=write, stderr=subprocess.PIPE, cwd=ROOT) as process:
        os.close(write)
        assert process.stderr is not None and process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_finds_no_room_is_a_failure_in_words() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*_COMMAND, "schema"], stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (1, b"xeninstall: No space left on device\n")


def test_closed_standard_streams_are_borne(tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text(LEAST)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        line = f"{sys.executable} -m xeninstall check {answers} {closed}"
        assert subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, check=False).returncode == 0, closed


def test_names_and_consoles_that_are_not_utf_8_are_borne(tmp_path: Path) -> None:
    for name in (b"f\xc3\xbcr.toml", b"f\xfcr.toml"):
        path = os.fsencode(tmp_path) + b"/" + name
        Path(os.fsdecode(path)).write_text(LEAST)
        for encoding in ("ascii", "utf-8"):
            done = run("check", os.fsdecode(path), env={**os.environ, "PYTHONIOENCODING": encoding})
            assert done.returncode == 0 and done.stdout.endswith("r.toml: no errors\n")


def test_json_goes_to_standard_output_alone() -> None:
    for argv in (
        ["schema"],
        ["probe", "--json", "--machine", str(DATA / "machines/nvme.json")],
        ["check", "--json", "no-such-file"],
    ):
        done = run(*argv)
        assert json.loads(done.stdout)
        assert done.stderr == ""
