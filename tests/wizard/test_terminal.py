"""The real command on a real pseudo-terminal: what it sends, what it sends while nothing happens, and what it leaves behind."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_FIRST_PAINT_SECONDS = 60  # a busy machine; it takes one


class Terminal:
    """The wizard in a rehearsal, on an 80x24 terminal of the given kind."""

    def __init__(self, term: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {key: value for key, value in os.environ.items() if not key.startswith("TEXTUAL_") and key != "NO_COLOR"}
        argv = [sys.executable, "-m", "xeninstall", "wizard", "--machine", "tests/data/machines/nvme.json"]
        self.process = subprocess.Popen(
            argv, env={**environ, "TERM": term}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def read(self, quiet_seconds: float, *, until: bytes = b"") -> bytes:
        """What comes until nothing came for that long, or for the first paint until a text is there."""
        out = b""
        deadline = time.monotonic() + _FIRST_PAINT_SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._master], [], [], quiet_seconds)
            if not ready:
                if until in out:
                    break
                continue
            try:
                out += os.read(self._master, 65536)
            except OSError:  # the other end is closed
                break
        return out

    def send(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(term: str) -> Iterator[Terminal]:
    given = Terminal(term)
    try:
        yield given
    finally:
        given.close()


@pytest.mark.parametrize("term", ["linux", "vt100"])
def test_nothing_is_sent_while_nothing_happens_and_little_for_a_key(term: str) -> None:
    with terminal(term) as given:
        first = given.read(1.0, until=b"^C")
        assert b"REHEARSAL" in first
        assert len(first) < 8000
        assert given.read(2.5) == b""
        given.send(b"\t")
        assert 0 < len(given.read(0.5, until=b"\x1b")) < 1600
        given.send(b"\x1b[B")
        assert 0 < len(given.read(0.5, until=b"\x1b")) < 400
        given.send(b"\x03")
        assert b"Stay" in given.read(0.5, until=b"Stay")
        given.send(b"\t\r")
        last = given.read(1.0)
        assert given.process.wait(20) == 4
        assert b"Traceback" not in last
    # A terminal without colour gets none, and none gets more than the sixteen.
    codes = {code for sequence in re.findall(rb"\x1b\[([0-9;]*)m", first) for code in sequence.split(b";")}
    assert b"38" not in codes
    assert b"48" not in codes
    assert (term == "linux") is bool(codes & {b"34", b"44", b"36"})
