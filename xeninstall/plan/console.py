"""The host-setup console in the place of the login prompt, on the screen and on serial lines; the login comes after it.

A drop-in over Debian's own getty units: what ends the console, also a failure of it, is followed by their agetty in the same
process, so that nobody is ever shut out, and nothing of it holds a package back from being upgraded.
"""

from .model import Action, WriteFile
from .wanted import Host

PROGRAM = "/usr/local/lib/xeninstall/console"
_SCRIPT = """#!/bin/sh
# Made by xeninstall: this host's state and settings (xeninstall setup), then the usual login with the arguments of a getty.
# A serial line tells no size, and what it has no size for is drawn for none.
[ "$(stty size 2>/dev/null)" != "0 0" ] || stty rows 24 cols 80
# A slow line brings the bytes of an arrow key apart; Esc alone is told from them by time.
LANG=C.UTF-8 ESCDELAY=400 xeninstall setup --console || sleep 2
exec /sbin/agetty "$@"
"""
# agetty's arguments are those of Debian's units (systemd 257).
_ARGUMENTS = {
    "getty@tty1.service": "-o '-- \\\\u' --noreset --noclear - ${TERM}",
    "serial-getty@.service": "-o '-- \\\\u' --noreset --noclear --keep-baud 115200,57600,38400,9600 - ${TERM}",
}


def actions(wanted: Host) -> tuple[Action, ...]:
    """Nothing where the answers want the plain login."""
    if not wanted.answers.console.setup:
        return ()
    units = tuple(
        WriteFile(
            path=f"/etc/systemd/system/{unit}.d/xeninstall.conf",
            text=f"# Written by xeninstall.\n[Service]\nExecStart=\nExecStart=-{PROGRAM} {arguments}\n",
        )
        for unit, arguments in _ARGUMENTS.items()
    )
    return (WriteFile(path=PROGRAM, text=_SCRIPT, mode=0o755), *units)
