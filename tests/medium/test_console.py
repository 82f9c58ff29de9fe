"""The console on a real pseudo-terminal: keys without Enter, a countdown, Ctrl+C, and a terminal that goes away."""

import contextlib
import io
import os
import pty
import termios
import time
from collections.abc import Iterator

import pytest

from xeninstall.medium.console import Choice, Console


@pytest.fixture
def terminal() -> Iterator[tuple[Console, int]]:
    """A console, and the other end of its terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", closefd=False) as out:
        yield Console(out, theirs), ours
    for descriptor in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _shown(ours: int) -> str:
    time.sleep(0.05)
    return os.read(ours, 65536).decode()


def test_a_key_comes_without_enter_and_the_terminal_is_as_before(terminal: tuple[Console, int]) -> None:
    console, ours = terminal
    before = termios.tcgetattr(ours)
    os.write(ours, b"x")
    assert console.interactive and console.key() == "x"
    assert termios.tcgetattr(ours) == before
    assert console.key(0.01) == ""


def test_ctrl_c_is_a_key_like_any_other(terminal: tuple[Console, int]) -> None:
    console, ours = terminal
    kept = termios.tcgetattr(ours)
    kept[3] &= ~termios.ISIG  # the test is not the terminal's foreground process
    termios.tcsetattr(ours, termios.TCSANOW, kept)
    os.write(ours, b"\x03")
    assert console.key() == "\x03"


def test_a_countdown_runs_out(terminal: tuple[Console, int]) -> None:
    console, ours = terminal
    os.write(ours, b"old")  # pressed before anything was shown
    began = time.monotonic()
    assert console.countdown(1, "{seconds} s left") is False
    assert 0.9 < time.monotonic() - began < 3
    assert "\r1 s left" in _shown(ours)
    assert console.countdown(0, "{seconds}") is False


def test_a_choice_shows_its_numbers(terminal: tuple[Console, int]) -> None:
    console, ours = terminal
    os.write(ours, b"2")
    assert console.choose("Which?", [Choice("One", lambda: 1), Choice("Two", lambda: 2)]) == 2
    shown = _shown(ours)  # and somewhere in it the echo of the key, which came before anybody asked
    assert all(part in shown for part in ("Which?\r\n", "  1  One\r\n", "  2  Two\r\n"))


def test_a_terminal_that_is_gone_is_told(terminal: tuple[Console, int]) -> None:
    console, ours = terminal
    os.close(ours)
    with pytest.raises(EOFError):
        console.key(1)


def test_without_a_terminal_nobody_is_waited_for() -> None:
    reading, writing = os.pipe()
    console = Console(io.StringIO(), reading)
    assert not console.interactive and console.countdown(100, "{seconds}") is False
    os.close(reading)
    os.close(writing)
