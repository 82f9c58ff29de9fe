"""`make bench`: the wizard as a terminal has it: time to its first screen, bytes a key press and while idle, and memory.

Bare on a pseudo-terminal, and inside tmux as on the boot medium, where what counts is what tmux sends on to a vt100.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import shlex
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Self

from .install import ENVIRONMENT, ROOT, drop_caches

WIZARD = [sys.executable, "-m", "xeninstall", "wizard", "--machine", "tests/data/machines/nvme.json"]
_LAST_ON_SCREEN = b"Leave"  # in the bottom line, which is drawn last
_TABS = 8
_QUIET_SECONDS = 0.4
_IDLE_SECONDS = 5.0
_ASKED_SECONDS = 6.0  # tmux waits 5 s for what its terminal says of itself, and sends it one last setting then
_START_SECONDS = 60.0


class Terminal:
    """A program on an 80x24 terminal of its own."""

    def __init__(self, argv: list[str], term: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {key: value for key, value in ENVIRONMENT.items() if not key.startswith(("TEXTUAL_", "TMUX"))}
        environ.pop("NO_COLOR", None)
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env={**environ, "TERM": term}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def first_screen(self) -> float:
        """Seconds from the start to the whole first screen."""
        seen = b""
        while _LAST_ON_SCREEN not in seen:
            if time.monotonic() - self._began > _START_SECONDS:
                sys.exit(f"no first screen within {_START_SECONDS:.0f} s; the end of what came:\n{seen[-500:]!r}")
            seen += self._read(1.0)
        return time.monotonic() - self._began

    def sent(self, seconds: float, keys: bytes = b"") -> int:
        """How many bytes come after these keys, until nothing came for that long."""
        if keys:
            os.write(self._master, keys)
        count = 0
        while part := self._read(seconds):
            count += len(part)
        return count

    def sent_within(self, seconds: float) -> int:
        """How many bytes come by themselves within that time."""
        until, count = time.monotonic() + seconds, 0
        while (left := until - time.monotonic()) > 0:
            count += len(self._read(left))
        return count

    def _read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._master], [], [], seconds)
        try:
            return os.read(self._master, 65536) if ready else b""
        except OSError:
            sys.exit("the program on the terminal ended")


def start_seconds(*, cold: bool) -> float:
    """From the command to the whole first screen."""
    if cold:
        drop_caches()
    with Terminal(WIZARD, "linux") as terminal:
        return terminal.first_screen()


def traffic(terminal: Terminal) -> tuple[list[int], float]:
    """Bytes for each of several Tabs, and bytes a second while nothing happens."""
    terminal.first_screen()
    terminal.sent(1.0)
    tabs = [terminal.sent(_QUIET_SECONDS, b"\t") for _ in range(_TABS)]
    terminal.sent(_ASKED_SECONDS)
    return tabs, terminal.sent_within(_IDLE_SECONDS) / _IDLE_SECONDS


def peak_mib(pid: int) -> float:
    """The kernel's account of the largest resident memory of a living process."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def in_tmux(scratch: Path) -> tuple[list[int], float]:
    """The same through tmux, on a vt100 outside. The medium's tmux has no status line, and neither has this one."""
    config, socket = scratch / "tmux.conf", scratch / "tmux"
    config.write_text('set -g status off\nset -g default-terminal "screen"\nset -s escape-time 0\n')
    tmux = ["tmux", "-S", str(socket)]
    try:
        with Terminal([*tmux, "-f", str(config), "new-session", shlex.join(WIZARD)], "vt100") as terminal:
            return traffic(terminal)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)


def row(name: str, measured: str, aim: str = "") -> None:
    """One line of the table."""
    print(f"{name:<44} {measured:<34} {aim}", flush=True)


def spread(values: list[float], unit: str) -> str:
    """Minimum, median, maximum."""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f} {unit}"


def tab_row(name: str, tabs: list[int], aim: str = "") -> None:
    """Bytes a Tab."""
    row(name, f"{min(tabs)} / {statistics.median(tabs):.0f} / {max(tabs)} bytes", aim)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the wizard on a terminal.")
    parser.add_argument("--runs", type=int, default=5, help="starts of each kind (default 5)")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the benchmark needs root: it drops the page cache")
    print(f"{'the wizard':<44} min / median / max")
    start_seconds(cold=False)  # uncounted: Python compiles
    row("first screen, page cache warm", spread([start_seconds(cold=False) for _ in range(args.runs)], "s"))
    row("first screen, page cache dropped", spread([start_seconds(cold=True) for _ in range(args.runs)], "s"))
    with Terminal(WIZARD, "linux") as terminal:
        tabs, idle = traffic(terminal)
        peak = peak_mib(terminal.process.pid)
    tab_row("a Tab, bare (TERM=linux)", tabs)
    row("idle over 5 s, bare", f"{idle:.1f} bytes/s", "aim: 0")
    with tempfile.TemporaryDirectory(prefix="xeninstall-bench-") as directory:
        tabs, idle = in_tmux(Path(directory))
    tab_row("a Tab, through tmux (outer TERM=vt100)", tabs, "aim: <= 300")
    row("idle over 5 s, through tmux", f"{idle:.1f} bytes/s", "aim: 0")
    row("peak memory after these keys", f"{peak:.0f} MiB", "aim: <= 60")


if __name__ == "__main__":
    main()
