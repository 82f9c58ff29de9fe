"""What the terminal can do, settled before Textual is loaded: it reads its settings when it is imported."""

import os
import sys
from collections.abc import Mapping

from xeninstall.base.errors import UsageError

_WITHOUT_WIZARD = "install without a screen instead: xeninstall install ANSWERS; xeninstall example prints an answer file"
# Terminals without colour. `linux` and everything that is not listed has at least sixteen colours.
_MONOCHROME = ("vt52", "vt100", "vt102", "vt220", "vt320", "ansi-m", "xterm-mono", "linux-m", "screen-m", "tmux-m")


def settings(environ: Mapping[str, str], instead: str = _WITHOUT_WIZARD) -> dict[str, str]:
    """What to set for this terminal. Raises UsageError for one that cannot show a screen, with what to do instead."""
    term = environ.get("TERM", "")
    if term in ("", "dumb", "unknown", "cons25w"):
        raise UsageError(f"the terminal (TERM={term or 'unset'}) cannot show the wizard", hint=instead)
    wanted = {
        "TEXTUAL_THEME": "ansi-dark",  # the sixteen colours of the terminal itself
        "TEXTUAL_COLOR_SYSTEM": "standard",
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_SMOOTH_SCROLL": "0",
        "TEXTUAL_DISABLE_KITTY_KEY": "1",  # consoles print what they do not know
    }
    if term in _MONOCHROME or term.endswith("-m"):
        wanted["NO_COLOR"] = "1"
    return wanted


def prepare(instead: str = _WITHOUT_WIZARD) -> None:
    """Look at this process's terminal and set the environment. Raises UsageError when there is none."""
    wanted = settings(os.environ, instead)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the wizard needs a terminal, and this is none", hint=instead)
    os.environ.update(wanted)


def clear() -> None:
    """Leave an empty screen: Linux consoles before 6.18 have no second one to go back to."""
    if os.environ.get("TERM") == "linux":
        sys.stdout.write("\033[2J\033[H")
        sys.stdout.flush()
