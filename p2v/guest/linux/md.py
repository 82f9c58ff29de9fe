"""Software RAID: arrays are found by UUID on whatever disks there are; one of which a disk stayed behind starts without it."""

import re

from ..changes import Change, Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, text

_FILES = ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf")
_DEVICE = re.compile(r"^[ \t]*DEVICE[ \t]+(?=\S*/dev/(?!md))(\S.*)$", re.MULTILINE | re.IGNORECASE)
_DEVICES = re.compile(r"[ \t]+devices=\S+", re.IGNORECASE)
_COUNT = re.compile(r"[ \t]+(?:num-devices|spares)=\d+", re.IGNORECASE)
_ARRAY = re.compile(r"^[ \t]*ARRAY[ \t].*$", re.MULTILINE | re.IGNORECASE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    changes: list[Change] = []
    for path in _FILES:
        content = text(tree, path)
        if content is None:
            continue
        changed = _ARRAY.sub(_array, _DEVICE.sub("DEVICE partitions", content))
        if changed != content:
            changes.append(WriteFile(path, encode(changed), "arrays by UUID on any disk"))
    remarks = tuple(
        f"{title}: a member is not among the disks, so that the array runs degraded in the virtual machine, "
        "which needs no mirror: end it there with `mdadm --grow --force --raid-devices=1`"
        for title in guest.hardware.degraded_arrays
    )
    return Planned(tuple(changes), remarks)


def _array(match: re.Match[str]) -> str:
    # Without its UUID nothing else would say which array is meant.
    return _COUNT.sub("", _DEVICES.sub("", match[0])) if "uuid=" in match[0].lower() else match[0]


REPAIR = Repair("md", "software RAID is found on any disk", _plan)
