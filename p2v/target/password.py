"""Passwords of targets: out of a file, a variable, a descriptor or from the terminal; never out of an argument."""

import getpass
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from xeninstall.base.errors import UsageError

_MOST_BYTES = 4096
HOW = "write file:PATH, env:NAME, fd:NUMBER, or ask"


@dataclass(frozen=True)
class Password:
    """A secret that no repr, no log and no traceback shows."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "(a password)"


def read_password(source: str, prompt: str, option: str = "--password") -> Password:
    """What `--password`, or another option, names. Raises UsageError, which never holds what was read."""
    kind, _, rest = source.partition(":")
    try:
        match kind:
            case "file" if rest:
                return _first_line(_bytes_of(Path(rest)), f"{option} {source}")
            case "env" if rest:
                if rest not in os.environ:
                    raise UsageError(f"{option} {source}: there is no such variable", hint="export it first, or give file:PATH")
                return _first_line(os.environ[rest].encode(), f"{option} {source}")
            case "fd" if rest.isdigit():
                with open(int(rest), "rb", closefd=False) as file:
                    return _first_line(file.read(_MOST_BYTES), f"{option} {source}")
            case "ask" if not rest:
                return _asked(prompt, option)
    except OSError as error:
        raise UsageError(f"{option} {source} cannot be read: {error.strerror}", hint=HOW) from None
    # What was written may be the password itself.
    raise UsageError(f"{option} takes the place of a password, and not the password", hint=HOW)


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _first_line(data: bytes, given: str) -> Password:
    line = data.split(b"\n", 1)[0].rstrip(b"\r")
    if not line or b"\0" in line:
        raise UsageError(f"{given}: there is nothing in it", hint="its first line is the password")
    return Password(line.decode("utf-8", "surrogateescape"))


def _asked(prompt: str, option: str) -> Password:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for a password", hint=f"give {option} file:PATH, env:NAME or fd:NUMBER")
    text = getpass.getpass(f"{prompt}: ")
    if not text:
        raise UsageError("no password was typed", hint="try again")
    return Password(text)
