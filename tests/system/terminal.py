"""A program in tmux, as the boot medium runs it: its terminal can be killed and another one attached while it goes on.

The keys go to the program through tmux, and its screen is what tmux shows. Every terminal has a server of its own.
"""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

COLUMNS, LINES = 80, 24
# What would change how the program looks, or lead to another tmux.
_NOT_INHERITED = ("TEXTUAL_", "NO_COLOR", "TMUX", "LC_", "LANG", "COLORTERM", "COLUMNS", "LINES")
_CONFIGURATION = """
set -g default-terminal {term}
set -g status off
set -g remain-on-exit on
set -sg escape-time 20
"""


class TerminalError(AssertionError):
    """The screen did not show what was waited for."""


class Client:
    """`tmux attach` on a pseudo-terminal: what a person has in front of them."""

    def __init__(self, argv: Sequence[str], environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._process = subprocess.Popen(argv, env=environ, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.painted = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self.painted += data
        except OSError:
            pass  # the other end is closed

    def type(self, keys: bytes) -> None:
        """As if typed here, and not given to tmux by the way."""
        os.write(self._master, keys)

    def shows(self, text: bytes, timeout: float = 10) -> bool:
        """Is this painted here, at once or within the time?"""
        deadline = time.monotonic() + timeout
        while text not in self.painted and time.monotonic() < deadline:
            time.sleep(0.05)
        return text in self.painted

    def kill(self) -> None:
        """The process that shows it is gone at once, without a word to anybody, and its terminal with it."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        os.close(self._master)

    def wait(self) -> None:
        """Until it has been detached."""
        self._process.wait(10)
        self._reader.join(10)
        os.close(self._master)


class Terminal:
    """80x24, of the kind `term` without and within. Use it as a context manager; leaving it ends tmux and the program.

    `patience_seconds` is how long an effect of a key may take to be seen.
    """

    def __init__(self, term: str, argv: Sequence[str], cwd: Path, patience_seconds: float = 10) -> None:
        self._term, self._argv, self._cwd, self._patience_seconds = term, argv, cwd, patience_seconds
        self._socket = f"xeninstall-test-{uuid.uuid4().hex[:12]}"
        self.seen: set[str] = set()  # every screen that was looked at

    def __enter__(self) -> "Terminal":
        self._place = tempfile.TemporaryDirectory(prefix="xeninstall-tmux-")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
        self._environ = {**inherited, "LC_ALL": "C.UTF-8", "TERM": self._term, "TMUX_TMPDIR": self._place.name}
        configuration = Path(self._place.name) / "tmux.conf"
        configuration.write_text(_CONFIGURATION.format(term=self._term))
        self._client: Client | None = None
        try:
            size = ["-x", str(COLUMNS), "-y", str(LINES)]
            self._tmux("-f", str(configuration), "new-session", "-d", *size, "-c", str(self._cwd), *self._argv)
            self._program = int(self._asked("#{pane_pid}"))
            self.attach()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        try:
            self.hang_up(60)
        finally:
            if self._client is not None:
                self._client.kill()
            self._place.cleanup()

    # ---- the person's end ------------------------------------------------------------------------------------------

    def attach(self) -> Client:
        """Another terminal shows the same screen."""
        self._client = Client(["tmux", "-L", self._socket, "attach"], self._environ)
        self._until(lambda: self._clients() == 1, "the terminal is not attached")
        return self._client

    def kill_client(self) -> None:
        """The terminal is killed; the program's own side of tmux stays."""
        assert self._client is not None
        self._client.kill()
        self._client = None
        self._until(lambda: self._clients() == 0, "the killed terminal is still attached")

    def detach(self) -> None:
        """As by tmux's own key."""
        assert self._client is not None
        self._tmux("detach-client", "-s", self._asked("#{session_name}"))
        self._client.wait()
        self._client = None

    def _clients(self) -> int:
        return len(self._tmux("list-clients").splitlines())

    def hang_up(self, timeout: float) -> None:
        """tmux is killed, and the program's terminal with it; it may finish and clear up behind itself."""
        self._tmux("kill-server", check=False)
        deadline = time.monotonic() + timeout
        while hasattr(self, "_program") and Path(f"/proc/{self._program}").exists():
            if time.monotonic() > deadline:
                raise TerminalError(f"the program still runs {timeout:.0f} s after its terminal was gone")
            time.sleep(0.1)

    # ---- keys and screens ------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Down, Enter, C-n."""
        self._tmux("send-keys", *keys)

    def move(self, key: str) -> None:
        """A key that moves the focus, and wait until it is seen elsewhere: what is typed before that goes to where it was."""
        before = self._look()
        self.press(key)
        self._until(lambda: self._look() != before and self._rested(), f"{key} moved nothing")

    def _look(self) -> str:
        """The screen with its colours and what is reversed."""
        return self._tmux("capture-pane", "-p", "-e") + self._asked("#{cursor_x},#{cursor_y}")

    def type(self, text: str, *, hidden: bool = False, room: int = COLUMNS) -> None:
        """Type into the field at hand, and see it there: a hidden field shows a star for each character, a short one the end."""
        self._tmux("send-keys", "-l", "--", text)
        self.expect("*" * len(text) if hidden else text[-room:], self._patience_seconds)

    def screen(self) -> str:
        """What is shown now."""
        shown = self._tmux("capture-pane", "-p")
        self.seen.add(shown)
        return shown

    def expect(self, text: str, timeout: float) -> str:
        """Wait for a text on the screen; returns the screen once it has come to rest."""
        self._until(lambda: text in self.screen() and self._rested(), f"no {text!r}", timeout)
        return self.screen()

    def expect_passing(self, text: str, timeout: float) -> None:
        """Wait for a text on a screen that does not rest."""
        self._until(lambda: text in self.screen(), f"no {text!r}", timeout)

    def takes_keys(self) -> None:
        """Wait until the program reads keys as they are: what is typed before is only echoed."""
        self._until(self._is_raw, "the program does not read single keys")

    def _is_raw(self) -> bool:
        line = os.open(self._asked("#{pane_tty}"), os.O_RDONLY | os.O_NOCTTY)
        try:
            return not termios.tcgetattr(line)[3] & termios.ICANON
        finally:
            os.close(line)

    def ended(self, timeout: float) -> int:
        """Wait for the program's end; its exit status."""
        try:
            self._until(lambda: self._status() is not None, "the program has not ended by itself", timeout)
        except TerminalError as error:
            raise TerminalError(f"{error}\nwhat it waits for: {self._waits_for()}") from None
        status = self._status()
        assert status is not None
        return status

    def _status(self) -> int | None:
        """The exit status, from tmux or from the kernel, which keeps it until tmux fetches it: that was seen to sleep over it."""
        said = self._asked("#{pane_dead_status}")
        if said:
            return int(said)
        try:
            fields = Path(f"/proc/{self._program}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            return None
        return os.waitstatus_to_exitcode(int(fields[49])) if fields[0] == "Z" else None

    def _waits_for(self) -> str:
        """Each thread of the program with the kernel's place for it; nothing when the program is gone and only tmux is late."""
        found = []
        for task in Path(f"/proc/{self._program}/task").glob("*"):
            with contextlib.suppress(OSError):
                found.append(f"{(task / 'comm').read_text().strip()} in {(task / 'wchan').read_text() or '?'}")
        return ", ".join(found) or "it is gone"

    def _rested(self) -> bool:
        # A step that was just built takes keys a moment after it is painted.
        before = self._look()
        time.sleep(0.3)
        return before == self._look()

    def _until(self, holds: Callable[[], bool], why: str, timeout: float | None = None) -> None:
        timeout = self._patience_seconds if timeout is None else timeout
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise TerminalError(f"{why} after {timeout:.0f} s:\n{self._tmux('capture-pane', '-p', check=False)}")
            time.sleep(0.1)

    def _asked(self, what: str) -> str:
        return self._tmux("display-message", "-p", what).strip()

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *arguments], env=self._environ, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise TerminalError(f"tmux {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return done.stdout
