"""/etc/fstab: device names become UUIDs, and what the virtual machine has not got does not stop its start."""

import re

from ..changes import Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, text
from .names import is_local, resolve, stable

_PATH = "/etc/fstab"
_FIELDS = re.compile(r"^(\s*)(\S+)(\s+)(\S+)(\s+)(\S+)(.*)$")
_REMOVABLE = re.compile(r"/dev/(?:fd\d+|cdrom\d*|dvd\d*|sr\d+|scd\d+|hd[b-d])")


def _plan(guest: Guest, tree: Tree) -> Planned:
    content = text(tree, _PATH)
    if content is None:
        return Planned()
    lines, remarks = [], []
    for line in content.splitlines(keepends=True):
        changed, remark = _line(line, guest)
        lines.append(changed)
        remarks += [remark] if remark else []
    after = "".join(lines)
    changes = (WriteFile(_PATH, encode(after), "volumes by UUID instead of device names"),) if after != content else ()
    return Planned(changes, tuple(remarks))


def _line(line: str, guest: Guest) -> tuple[str, str]:
    body = line.rstrip("\n")
    match = _FIELDS.match(body)
    if match is None or body.lstrip().startswith("#"):
        return line, ""
    device, fstype = match[2], match[6]
    if not is_local(device) or _REMOVABLE.fullmatch(device):
        return line, ""
    found = resolve(device, guest.hardware, fstype)
    name = stable(found.volume) if found.volume else None
    if name is None:
        return line, found.remark or f"{device} stays as it is, since its volume has no UUID"
    return f"{match[1]}{name}{line[len(match[1]) + len(device) :]}", found.remark


REPAIR = Repair("fstab", "the file systems are found by UUID", _plan)
