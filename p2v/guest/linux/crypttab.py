"""/etc/crypttab: device names become UUIDs; an initramfs that is built away from the machine is told what the root needs."""

import re

from ..changes import Planned, Repair, WriteFile
from ..model import Guest, InitramfsTool
from ..tree import Tree, encode, text
from .names import is_local, resolve, stable

_PATH = "/etc/crypttab"
_FIELDS = re.compile(r"^(\s*)(\S+)(\s+)(\S+)(?:(\s+)(\S+)(?:(\s+)(\S+))?)?(.*)$")
_RANDOM = ("/dev/urandom", "/dev/random", "/dev/hwrng")


def _plan(guest: Guest, tree: Tree) -> Planned:
    content = text(tree, _PATH)
    if content is None:
        return Planned()
    lines, remarks = [], []
    for line in content.splitlines(keepends=True):
        changed, remark = _line(line, guest)
        lines.append(changed)
        remarks += [remark] if remark else []
        if "tpm2" in changed and not changed.lstrip().startswith("#"):
            name = changed.split()[0]
            remarks.append(f"{name} is opened by the machine's TPM, which stays behind: add a passphrase before you convert")
        if "header=" in changed and not changed.lstrip().startswith("#"):
            remarks.append(f"{changed.split()[0]} has its header on another volume: what is in it was not looked into")
    after = "".join(lines)
    why = "encrypted volumes by UUID, and opened early"
    return Planned((WriteFile(_PATH, encode(after), why),) if after != content else (), tuple(remarks))


def _line(line: str, guest: Guest) -> tuple[str, str]:
    body = line.rstrip("\n")
    match = _FIELDS.match(body)
    if match is None or body.lstrip().startswith("#"):
        return line, ""
    device, key, options, remark = match[4], match[6] or "none", match[8] or "", ""
    if is_local(device):
        found = resolve(device, guest.hardware, "" if key in _RANDOM else "luks")
        name = stable(found.volume, random_key=key in _RANDOM) if found.volume else None
        remark = found.remark or ("" if name else f"{device} in crypttab stays as it is, since its volume has no lasting name")
        device = name or device
    # The tools of Debian look for what the root needs on the running machine, which here is another.
    if guest.initramfs_tool is InitramfsTool.INITRAMFS_TOOLS and key not in _RANDOM and "initramfs" not in options.split(","):
        options = ",".join(filter(None, (options, "initramfs")))
    if (device, options) == (match[4], match[8] or ""):
        return line, remark
    end = line[len(body) :]
    return (
        f"{match[1]}{match[2]}{match[3]}{device}{match[5] or ' '}{key}{match[7] or ' '}{options or 'luks'}{match[9]}{end}",
        remark,
    )


REPAIR = Repair("crypttab", "encrypted volumes are found by UUID and opened early", _plan)
