"""Listening to the console of a machine that was started for a trial, whoever runs it, until it is decided how that ends."""

import os
import select
import time
from collections.abc import Callable
from typing import Protocol

from .vm.console import Look, Seen, judged, last_words

_KEPT = 256 * 1024  # characters of a console: a guest may say as much as it likes
_PIECE_BYTES = 64 * 1024
_LOOK_SECONDS = 2.0
_ENDING_SECONDS = 5.0


class Console(Protocol):
    """What brings a machine's words; a program's Channel, for one."""

    reads: int  # a descriptor

    def stop(self, seconds: float) -> object:
        """End it after so long at most; whoever reads sees the end."""

    def close(self, seconds: float) -> object:
        """Nobody reads any more."""


class Listening:
    """`console` brings what the machine says. When it has ended `again` is asked, with the seconds since then, for another one.

    It may answer why there will be none; an empty answer means that this is not known yet.
    """

    def __init__(self, console: Console, marker: str, again: Callable[[float], Console | str]) -> None:
        self._console: Console | None = console
        self._marker, self._again = marker, again
        self._text, self._ended_at = "", 0.0

    def look(self, seconds: float = _LOOK_SECONDS) -> Look:
        """Listen until it is decided, for so long at most."""
        until = time.monotonic() + seconds
        while True:
            why = self._hear(until)
            seen = judged(self._text, self._marker)
            if seen is Seen.DEAD:
                why = why or "it stopped while starting"
            elif why and seen is Seen.NOTHING_YET:
                seen = Seen.DEAD
            if seen is not Seen.NOTHING_YET or time.monotonic() >= until:
                return Look(seen, why, last_words(self._text))

    def end(self) -> None:
        """Hang up."""
        self._hang_up(0)

    def _hear(self, until: float) -> str:
        """More of the console, or why there will be no more."""
        if self._console is None:
            found = self._again(time.monotonic() - self._ended_at)
            if isinstance(found, str):
                return found
            self._console, self._text = found, f"{self._text}\n"
            return ""
        reads = self._console.reads
        if not select.select([reads], [], [], max(until - time.monotonic(), 0))[0]:
            return ""
        data = os.read(reads, _PIECE_BYTES)
        if not data:
            self._hang_up(_ENDING_SECONDS)
            self._ended_at = time.monotonic()
            return ""
        self._text = (self._text + data.decode("utf-8", "replace"))[-_KEPT:]
        return ""

    def _hang_up(self, seconds: float) -> None:
        if self._console is not None:
            console, self._console = self._console, None
            console.stop(seconds)
            console.close(0)
