"""Completion in a real bash: verbs, options, choices and files, as the parser knows them."""

import argparse
import subprocess
from pathlib import Path

import pytest

from xeninstall.answers.examples import names
from xeninstall.man.completion import bash_completion
from xeninstall.man.parsers import verbs
from xeninstall.parser import build_parser

ASK = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _xeninstall; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "xeninstall.bash"
    path.write_text(bash_completion(build_parser()))
    return path


def complete(script: Path, *words: str, folder: Path | None = None) -> list[str]:
    """What bash would offer for the last word."""
    command = ["bash", "--norc", "-eu", "-c", ASK, "bash", str(script), "xeninstall", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_it_offers_the_verbs_and_narrows_them(script: Path) -> None:
    assert complete(script, "") == [verb.name for verb in verbs(build_parser())[1:]]
    assert complete(script, "inst") == ["install"]


def test_it_offers_the_options_of_the_verb(script: Path) -> None:
    for verb in verbs(build_parser()):
        expected = [flag for argument in verb.arguments for flag in argument.flags]
        assert complete(script, *([verb.name] if verb.name else []), "-") == expected
    assert complete(script, "install", "x.toml", "--pl") == ["--plan"]


def test_it_offers_files_where_a_file_is_wanted(script: Path, tmp_path: Path) -> None:
    (tmp_path / "host a.toml").touch()
    (tmp_path / "host.img").touch()
    assert sorted(complete(script, "check", "ho", folder=tmp_path)) == ["host a.toml", "host.img"]
    assert complete(script, "install", "a.toml", "--target", "host.", folder=tmp_path) == ["host.img"]


def test_it_offers_choices_and_the_names_of_examples(script: Path) -> None:
    assert complete(script, "man", "xeninstall-") == ["xeninstall-answers.5", "xeninstall-boot.7"]
    assert complete(script, "completion", "") == ["bash"]
    assert complete(script, "example", "") == names()


def test_a_choice_and_then_a_file(script: Path, tmp_path: Path) -> None:
    (tmp_path / "raid.tar").touch()
    assert complete(script, "pack", "") == ["build", "inspect", "verify", "load"]
    assert complete(script, "pack", "verify", "ra", folder=tmp_path) == ["raid.tar"]
    assert complete(script, "pack", "build", "x", "--kind", "d") == ["driver"]


def test_it_offers_nothing_where_it_knows_nothing(script: Path) -> None:
    assert complete(script, "install", "--size", "") == []
    assert complete(script, "schema", "") == []


def test_a_program_without_verbs_is_completed_too(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser(prog="tool-x")
    parser.add_argument("--mode", choices=["fast", "safe"])
    path = tmp_path / "tool.bash"
    path.write_text(bash_completion(parser))
    ask = 'source "$0"; COMP_WORDS=(tool-x --mode s); COMP_CWORD=2; _tool_x; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", ask, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "safe\n"
