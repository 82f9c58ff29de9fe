"""What a virtual machine's serial console tells: whether it asks for a login, or has come to where nothing comes after."""

import re
from dataclasses import dataclass
from enum import StrEnum

from xeninstall.base.errors import Error

_KEPT_LINES = 12

# As agetty and its like ask, after the host's name; the kernel may go on talking on the same line.
_LOGIN = re.compile(r"^(?:[\w.-]{1,64} )?login: ?", re.MULTILINE)
# What nothing comes after. Each is at its place a line of GRUB, of the kernel, of an initramfs or of the firmware.
_DEAD = re.compile(
    r"Kernel panic - not syncing|^grub rescue>|^grub> ?$|\(initramfs\) ?$|Gave up waiting for (?:root|suspend/root)|"
    r"dracut:/# ?$|Entering emergency mode|You are in emergency mode|No bootable (?:device|option)|Boot failed|"
    r"^Shell> ?$|UEFI Interactive Shell|Operating System not found|VFS: Unable to mount root",
    re.MULTILINE,
)
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|.)|[\x00-\x08\x0b-\x1f\x7f]")
# First starts print passwords that they have made up, which belong into no message and no log.
_SECRET = re.compile(r"(?:passw\w*|passphrase|secret|token|key)\b.*[:=]|passwords?\W*$|private key", re.IGNORECASE)
_WITHHELD = "(withheld: it may hold a secret)"


class TrialError(Error):
    """The virtual machine did not come to a login."""


class Seen(StrEnum):
    """What a console tells."""

    NOTHING_YET = "nothing yet"
    LOGIN = "login"
    DEAD = "dead"


@dataclass(frozen=True)
class Look:
    """What was seen so far of a machine that was started for a trial; `why` says what ended it without a login."""

    seen: Seen
    why: str = ""
    said: str = ""  # the console's end, fit for a message


def judged(console: str, marker: str = "") -> Seen:
    """By all that a console has said so far; `marker` is a text of the user's that means "it is up"."""
    plain = cleaned(console)
    if _LOGIN.search(plain) or (marker and marker in plain):
        return Seen.LOGIN
    return Seen.DEAD if _DEAD.search(plain) else Seen.NOTHING_YET


def cleaned(console: str) -> str:
    """Without what steers a terminal: a guest is not trusted, and its words go into messages."""
    text = _CONTROL.sub("", console.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)


def last_words(console: str) -> str:
    """The end of it, for a message."""
    lines = [line.strip()[:160] for line in cleaned(console).splitlines() if line.strip()]
    return " | ".join(_withheld(lines)[-_KEPT_LINES:])[-900:] or "nothing"


def _withheld(lines: list[str]) -> list[str]:
    """Without lines that tell a secret, nor the line after each, which may be it."""
    speaks = [bool(_SECRET.search(line)) for line in lines]
    return [_WITHHELD if now or before else line for line, now, before in zip(lines, speaks, [False, *speaks], strict=False)]
