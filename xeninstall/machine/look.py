"""Looking at a machine without touching it: files under a root, commands with a time limit, and notes of what stayed unseen.

Tests hand in another root and a runner that plays back recorded output; nothing here raises for what a machine lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, Runner

# No file of /proc or /sys that we read is larger; a hostile or broken one must not fill the memory.
_MOST_BYTES = 16 * 2**20
_PIECE_BYTES = 2**16
COMMAND_SECONDS = 10.0


@dataclass(frozen=True)
class Look:
    """One look at one machine. `notes` collects what could not be seen, and why."""

    runner: Runner
    root: Path = Path("/")
    notes: list[str] = field(default_factory=list)

    def path(self, absolute: str) -> Path:
        """Where a path of the machine lies for us."""
        return self.root / absolute.lstrip("/")

    def note(self, text: str) -> None:
        """Remember that something could not be seen; saying it twice would not help."""
        if text not in self.notes:
            self.notes.append(text)

    def data(self, absolute: str, *, noted: str = "") -> bytes | None:
        """The bytes of a file, or None; with `noted` (what is not known for it) a note says why."""
        try:
            with self.path(absolute).open("rb") as file:
                # Piece by piece: files of /proc/sys refuse to be read by megabytes (ENOMEM; fs/proc/proc_sysctl.c).
                return b"".join(islice(iter(lambda: file.read(_PIECE_BYTES), b""), _MOST_BYTES // _PIECE_BYTES))
        except OSError as error:
            if noted:
                self.note(f"{noted} not seen: {absolute}: {error.strerror}")
            return None

    def text(self, absolute: str, *, noted: str = "") -> str | None:
        """The text of a file, with bytes that are no UTF-8 replaced, or None."""
        data = self.data(absolute, noted=noted)
        return None if data is None else data.decode("utf-8", "replace")

    def line(self, absolute: str, *, noted: str = "") -> str:
        """The first line of a file, fit for a screen, or nothing."""
        return clean((self.text(absolute, noted=noted) or "").partition("\n")[0])

    def number(self, absolute: str) -> int | None:
        """A decimal number that stands alone in a file, or None."""
        return whole(self.line(absolute))

    def names(self, absolute: str) -> list[str]:
        """What a directory holds, sorted; nothing where it is missing."""
        try:
            return sorted(entry.name for entry in self.path(absolute).iterdir())
        except OSError:
            return []

    def exists(self, absolute: str) -> bool:
        """Is there something we may look at?"""
        try:
            return self.path(absolute).exists()
        except OSError:
            return False

    def place(self, absolute: str) -> str:
        """Where a path really leads, with every symbolic link followed, or nothing."""
        try:
            return str(self.path(absolute).resolve())
        except (OSError, RuntimeError):  # RuntimeError: links that lead in circles, before Python 3.13
            return ""

    def target(self, absolute: str) -> str:
        """The last part of what a symbolic link points to, or nothing."""
        try:
            return self.path(absolute).readlink().name
        except OSError:
            return ""

    def attempt(self, argv: Sequence[str], seconds: float = COMMAND_SECONDS) -> Completed | str:
        """How a command ended, whatever its status, or why it could not be run to its end."""
        try:
            process = self.runner.start(argv)
            done = process.wait_for(seconds)
        except Error as error:
            return error.message + (f" ({error.hint})" if error.hint else "")
        if done is None:
            process.stop()
            return f"it took more than {seconds:g} s"
        return done

    def ask(self, argv: Sequence[str], *, about: str, seconds: float = COMMAND_SECONDS) -> Completed | None:
        """How a command ended, or None with a note of what was to be known, where it has no answer."""
        done = self.attempt(argv, seconds)
        if isinstance(done, str):
            self.note(f"{about} not seen: {argv[0]}: {done}")
            return None
        # Some programs report trouble with one device in their status, and still list the others.
        if done.status != 0 and not done.stdout.strip():
            said = clean(done.stderr.strip().rpartition("\n")[2]) or f"status {done.status}"
            self.note(f"{about} not seen: {argv[0]} failed: {said}")
            return None
        return done


def clean(value: object, most: int = 200) -> str:
    """Text from hardware, fit for a screen and a log: one line, no control characters, single blanks, bounded."""
    if not isinstance(value, str):
        return ""
    printable = "".join(char if char.isprintable() and char != "\ufffd" else "?" if char == "\ufffd" else " " for char in value)
    return " ".join(printable.split())[:most]


def whole(value: object) -> int | None:
    """An integer from JSON or text, or None; a boolean is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) < 20 and value.strip().lstrip("-").isdecimal():
        try:
            return int(value)
        except ValueError:
            return None
    return None
