"""Journals that the sending end keeps here: lines that this end stores and gives back, and need not understand."""

import os
from pathlib import Path

from ..sink.model import TargetError, stopped
from ..target.wire import WireError

PIECE_BYTES = 256 * 1024


def begin(path: Path) -> None:
    """An empty one, instead of whatever was there."""
    path.unlink(missing_ok=True)


def append(path: Path, text: str, most_bytes: int, *, last: bool) -> None:
    """A piece of a line; with `last` the line is whole and survives a power cut. Raises Stopped when the disk is full."""
    data = text.encode()
    if len(data) > 4 * PIECE_BYTES or (path.exists() and path.stat().st_size + len(data) > most_bytes):
        raise WireError("a journal became too long")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if last:
                os.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise stopped(str(path), error, resumable=True) from None


def piece(path: Path, start: int) -> str:
    """From that byte on; empty at the end. Journals are ASCII."""
    try:
        with path.open("rb") as file:
            file.seek(max(start, 0))
            return file.read(PIECE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError):
        raise TargetError(f"{path} cannot be read", hint="start again with --discard") from None
