"""Style, types and import floors, as tests: the whole tree, with the settings of pyproject.toml."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PYTHON = ("xeninstall", "p2v", "iso", "tests")


def _clean(*argv: str) -> None:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_ruff_finds_nothing() -> None:
    _clean(sys.executable, "-m", "ruff", "check", "--quiet", *_PYTHON)


def test_everything_is_formatted() -> None:
    _clean(sys.executable, "-m", "ruff", "format", "--quiet", "--check", *_PYTHON)


def test_mypy_finds_nothing() -> None:
    _clean(sys.executable, "-m", "mypy", "--no-error-summary")


def test_nobody_imports_upwards() -> None:
    _clean(str(Path(sys.executable).parent / "lint-imports"), "--no-cache")


def _shell_scripts() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    names = [os.fsdecode(name) for name in listed if name and (ROOT / os.fsdecode(name)).is_file()]
    return [
        name
        for name in names
        if (ROOT / name).read_bytes()[:64].startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash"))
    ]


def test_shellcheck_finds_nothing() -> None:
    scripts = _shell_scripts()
    assert scripts or not (ROOT / ".git").exists()
    if scripts:
        _clean("shellcheck", "--severity=warning", *scripts)
