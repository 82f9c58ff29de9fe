"""A serial console under a program's control: wait for text, log in, run a command and get its output and status.

A console of Xen's loses characters that come faster than dom0 reads them, and the hypervisor and the kernel write into
it whenever they like. So a command is typed in pieces, its echo is compared before Enter, and its output stands
between marks that no echo can hold.
"""

import base64
import codecs
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

# What ends a wait at once, with the name to show.
FATAL = {
    r"Kernel panic|end Kernel panic": "the kernel panicked",
    r"Panic on CPU|domain_crash_sync|Reboot in five seconds": "Xen or dom0 crashed",
    r"you need to load the kernel first": "GRUB found no hypervisor",
    r"grub rescue>|\ngrub> ": "GRUB found no menu",
    r"Failed to boot both default and fallback|error: no multiboot header": "GRUB could not boot",
    r"emergency mode|Give root password for maintenance|Cannot open access to console": "systemd fell into emergency mode",
    r"\(initramfs\) ": "the initramfs found no root",
    r"FAILED at the step": "the installation failed",
    r"No bootable device|No bootable option": "the firmware found nothing to boot",
}
_FATAL = {re.compile(pattern): name for pattern, name in FATAL.items()}
_NOISE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>78cM]|[\r\0\x08]")
# Of a host's start, from the power button: one to three minutes on an idle machine without KVM. Patience costs nothing.
LOGIN_SECONDS = 900
_PIECE = 48  # characters typed at once; Xen's receive ring has 128


class ConsoleError(AssertionError):
    """The machine did not say what was waited for."""


class Console:
    """Text in and out of a connected socket. `alive` tells whether the machine still runs."""

    def __init__(self, connection: socket.socket, alive: Callable[[], bool], transcript: Path | None = None) -> None:
        self._connection, self._transcript, self._alive = connection, transcript, alive
        self.said = ""  # everything, for the report of a failed test
        self._pending = b""  # an escape sequence that has not wholly arrived
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._text = ""  # said, and not yet consumed by expect
        self._marks = 0
        self._news, self._arrived, self._ended = threading.Condition(), "", False
        threading.Thread(target=self._hear, daemon=True).start()

    # ---- reading ---------------------------------------------------------------------------------------------------

    def expect(self, pattern: str, timeout: float, *, fatal: bool = True) -> re.Match[str]:
        """Wait for a regular expression; consumes the text up to its end. Raises ConsoleError with the last lines."""
        wanted, deadline = re.compile(pattern, re.MULTILINE), time.monotonic() + timeout
        while True:
            match = wanted.search(self._text)
            if match:
                self._text = self._text[match.end() :]
                return match
            for sign, name in _FATAL.items() if fatal else ():
                if sign.search(self._text):
                    self._read(1.0)
                    raise ConsoleError(f"{name}, while waiting for {pattern!r}:\n{self._tail()}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConsoleError(f"{timeout:.0f} s passed without {pattern!r}:\n{self._tail()}")
            if not self._read(min(left, 5.0)) and not self._alive():
                raise ConsoleError(f"the machine ended while {pattern!r} was waited for:\n{self._tail()}")

    def listen(self, seconds: float) -> None:
        """Let that much time pass."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)

    def _hear(self) -> None:
        """Somebody always reads: a machine whose line is full stands still, and a few hundred characters fill it."""
        try:
            while data := self._connection.recv(65536):
                clean = self._clean(data)
                with self._news:
                    self.said += clean
                    self._arrived += clean
                    self._news.notify()
                if self._transcript is not None:
                    with self._transcript.open("a", encoding="utf-8") as file:
                        file.write(clean)
        except OSError:
            pass
        with self._news:
            self._ended = True
            self._news.notify()

    def _clean(self, data: bytes) -> str:
        data = self._pending + data
        cut = data.rfind(b"\x1b")
        self._pending = data[cut:] if cut >= 0 and _NOISE.match(data, cut) is None and len(data) - cut < 32 else b""
        return self._decode(_NOISE.sub(b"", data[: len(data) - len(self._pending)]))

    def _read(self, seconds: float) -> bool:
        """Take what has arrived, and wait for it for a while."""
        with self._news:
            self._news.wait_for(lambda: self._arrived or self._ended, max(seconds, 0))
            arrived, self._arrived = self._arrived, ""
        self._text += arrived
        if not arrived and self._ended:
            time.sleep(max(min(seconds, 0.2), 0))  # the caller sees that the machine has ended
        return bool(arrived)

    def _tail(self) -> str:
        return "\n".join(f"  | {line}" for line in self._text.splitlines()[-40:])

    # ---- writing ---------------------------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Type text as it is."""
        self._connection.sendall(text.encode())

    def login(self, user: str, password: str, timeout: float = 300) -> None:
        """Wait for the login prompt, log in, and make the shell quiet enough to talk to."""
        if self.expect(r"login: |Login shell", timeout)[0] == "Login shell":
            # The setup console stands before it, and gives way to ^C when its screen is whole.
            time.sleep(2)
            self.send("\x03")
            self.expect(r"login: ", 120)
        for _ in range(3):
            self.send(f"{user}\n")
            self.expect("Password: ", 60)
            time.sleep(0.3)  # login flushes what was typed before it asked
            self.send(f"{password}\n")
            if self.expect(r"(Login incorrect|login timed out|[#$] $)", 90)[1].strip() in ("#", "$"):
                break
            self.expect(r"login: ", 60)
        else:
            raise ConsoleError(f"{user} cannot log in:\n{self._tail()}")
        self.send("dmesg -n 1; export TERM=dumb PAGER=cat SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 PS1= HISTFILE= ENV=; exec sh\n")
        # Xen's own input ring is short, and a busy machine empties it late: a line that was lost is typed again.
        for attempt in range(4):
            time.sleep(1 + attempt)
            self.send("stty cols 500; echo READY''NOW\n")
            try:
                self.expect("READYNOW", 45)
                break
            except ConsoleError:
                if attempt == 3:
                    raise
        self.expect("\n", 10)

    def run(self, command: str, timeout: float = 60) -> tuple[str, int]:
        """Run a shell command as it stands; returns its output (both streams, lines of Xen's left out) and its status."""
        self._marks += 1
        mark = f"{self._marks:03d}"
        if len(command) > 160 or not command.isprintable() or command.rstrip()[-1:] in "&;\\" or "#" in command:
            # Long texts travel in pieces that each are checked, and are put together on the other side.
            encoded = base64.b64encode(command.encode()).decode()
            self._type("T=")
            for start in range(0, len(encoded), 150):
                self._type(f"T=${{T}}{encoded[start : start + 150]}")
            command = 'eval "$(echo $T | base64 -d)"'
        self._type(f"echo '<<'{mark}; {{ {command}; }} </dev/null 2>&1; echo '>>'{mark}:$?:")
        self.expect(rf"<<{mark}\n", 30, fatal=False)
        ended = self.expect(rf"(?s:(.*?))>>{mark}:([0-9]+):", timeout, fatal=False)
        lines = [line for line in ended[1].splitlines() if not line.startswith("(XEN) ")]
        return "\n".join(lines).strip("\n"), int(ended[2])

    def check(self, command: str, timeout: float = 60) -> str:
        """Like run, and raises ConsoleError when the command fails."""
        output, status = self.run(command, timeout)
        if status != 0:
            raise ConsoleError(f"{command!r} ended with status {status}:\n{output}")
        return output

    def _type(self, line: str) -> None:
        """Type a line and enter it when its echo is what was typed; noise in between gets two more tries."""
        for last_try in (False, False, True):
            self._text = ""
            for start in range(0, len(line), _PIECE):
                self.send(line[start : start + _PIECE])
                self._echoed(line[: start + _PIECE])
            if line in self._text or last_try:
                break
            self.send("\x15")  # Ctrl+U: forget this line
            self._read(0.5)
        self.send("\n")

    def _echoed(self, text: str) -> None:
        deadline = time.monotonic() + 20
        while text not in self._text and time.monotonic() < deadline and self._alive():
            if not self._read(2.0) and len(self._text) > len(text):
                return  # something else came in between
