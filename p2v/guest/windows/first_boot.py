"""A service that runs once, at the first start: it installs the drivers that were supplied, then takes itself away."""

from .model import Change, CopyIn, Planned, Repair, SetValue, Value, Windows
from .packages import FOLDER

_SERVICE = "p2v-first-boot"
_SCRIPT = "p2v/first-boot.cmd"
# `start` lets go of the script, since a service that never answers is ended after half a minute.
_COMMAND = r'%SystemRoot%\System32\cmd.exe /c start "p2v" /b %SystemRoot%\System32\cmd.exe /c %SystemDrive%\p2v\first-boot.cmd'
_HEAD = r"""@echo off
rem Written by p2v: run once, at the first start as a virtual machine. What was done is in first-boot.log.
cd /d %SystemDrive%\p2v
echo started %DATE% %TIME% >> first-boot.log
"""
_TAIL = r"""sc delete p2v-first-boot >> first-boot.log 2>&1
echo ended %DATE% %TIME% >> first-boot.log
"""


def _plan(guest: Windows) -> Planned:
    if not guest.packages:
        return Planned()
    if guest.version < (6, 0):
        return Planned((), ("this Windows installs no drivers by command: install them by hand from \\p2v\\drivers",))
    lines = [_HEAD]
    for package in guest.packages:
        path = f"{FOLDER}/{package.name.rsplit('.', 1)[0].lower()}/{package.name}".removeprefix("p2v/").replace("/", "\\")
        lines.append(f"pnputil -i -a {path} >> first-boot.log 2>&1\n")
    script = "".join([*lines, _TAIL]).replace("\n", "\r\n").encode("ascii", "replace")
    key = guest.service(_SERVICE)
    why = "it runs once, at the first start"
    values = {
        "Type": Value.of(0x10),
        "Start": Value.of(2),
        "ErrorControl": Value.of(0),
        "DisplayName": Value.of("p2v: first start as a virtual machine"),
        "ObjectName": Value.of("LocalSystem"),
        "ImagePath": Value.of(_COMMAND, expand=True),
    }
    changes: list[Change] = [CopyIn(_SCRIPT, script, why)]
    changes += [SetValue("SYSTEM", key, name, value, why) for name, value in values.items()]
    return Planned(tuple(changes))


REPAIR = Repair("first-boot", "supplied drivers are installed at the first start", _plan)
