"""The terminal that somebody may sit at, without screens: lines, single keys, a countdown, a choice."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class Choice:
    """One line of a choice. `act` returns an exit code to leave with, or None to be asked again."""

    text: str
    act: Callable[[], int | None]


class Console:
    """Where a run without screens speaks, and hears keys when somebody can press them."""

    def __init__(self, out: TextIO | None = None, keyboard: int | None = None) -> None:
        self._out = out or sys.stdout
        self._keyboard = keyboard if keyboard is not None else (sys.stdin.fileno() if sys.stdin else -1)

    @property
    def interactive(self) -> bool:
        """Whether there is a terminal on both sides."""
        return self._keyboard >= 0 and os.isatty(self._keyboard) and self._out.isatty()

    def say(self, text: str = "") -> None:
        """A line, or several. Raises EOFError when the terminal is gone."""
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except OSError:
            raise EOFError from None

    def key(self, timeout_seconds: float | None = None) -> str:
        """The next key, without waiting for Enter; empty when the time is over. Raises EOFError when the terminal is gone."""
        try:
            kept = termios.tcgetattr(self._keyboard)
        except termios.error:
            raise EOFError from None
        try:
            tty.setcbreak(self._keyboard, termios.TCSANOW)
            quiet = termios.tcgetattr(self._keyboard)
            quiet[3] &= ~termios.ISIG  # Ctrl+C is a key here like any other: nobody is to be left without a choice
            termios.tcsetattr(self._keyboard, termios.TCSANOW, quiet)
            ready, _, _ = select.select([self._keyboard], [], [], timeout_seconds)
            if not ready:
                return ""
            data = os.read(self._keyboard, 64)
        except OSError:
            raise EOFError from None
        finally:
            try:
                termios.tcsetattr(self._keyboard, termios.TCSANOW, kept)
            except termios.error:
                raise EOFError from None
        if not data:
            raise EOFError
        return data.decode("utf-8", "replace")

    def countdown(self, seconds: int, text: str) -> bool:
        """Count down below `text`; True when a key stopped it. Where no key can be pressed, nobody is waited for."""
        if not self.interactive or seconds <= 0:
            return False
        # What was pressed before this was shown does not count.
        termios.tcflush(self._keyboard, termios.TCIFLUSH)
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._out.write(f"\r{text.format(seconds=max(1, round(left))):<78}")
                self._out.flush()
                if self.key(min(1.0, left)):
                    return True
            return False
        finally:
            self.say()

    def choose(self, title: str, choices: Sequence[Choice]) -> int:
        """Offer numbered choices until one of them leaves; returns its exit code. Raises EOFError when the terminal is gone."""
        while True:
            self.say(f"\n{title}")
            for number, choice in enumerate(choices, 1):
                self.say(f"  {number}  {choice.text}")
            picked = self.key()
            if picked.isdecimal() and 0 < int(picked) <= len(choices):
                code = choices[int(picked) - 1].act()
                if code is not None:
                    return code
