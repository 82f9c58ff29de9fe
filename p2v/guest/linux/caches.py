"""What remembers the old machine's disks, and would refuse or mistake the new ones."""

import re

from ..changes import Change, Planned, Remove, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, find, text

_REMEMBER = (
    ("/etc/blkid.tab", "a cache of device names"),
    ("/etc/blkid/blkid.tab", "a cache of device names"),
    ("/run/blkid/blkid.tab", "a cache of device names"),
    ("/etc/lvm/cache/.cache", "LVM's cache of device names"),
    ("/etc/lvm/.cache", "LVM's cache of device names"),
    ("/etc/lvm/devices/system.devices", "LVM would take no disk but those of the old machine"),
    ("/boot/grub/device.map", "GRUB's list of the old machine's disks"),
    ("/boot/grub2/device.map", "GRUB's list of the old machine's disks"),
    ("/etc/zfs/zpool.cache", "ZFS's list of the old machine's disks"),
)
_LVM_FILTER = re.compile(r"^([ \t]*)((?:global_)?filter[ \t]*=.*)$", re.MULTILINE)
_OLD_DISKS = re.compile(r"sd|hd[a-z]|nvme|cciss|by-id|by-path|mpath|wwn|emcpower")


def _plan(guest: Guest, tree: Tree) -> Planned:
    del guest
    changes: list[Change] = [Remove(path, why) for pattern, why in _REMEMBER for path in find(tree, pattern)]
    path = "/etc/lvm/lvm.conf"
    content = text(tree, path)
    if content is not None:
        changed = _LVM_FILTER.sub(_without_old_disks, content)
        if changed != content:
            changes.append(WriteFile(path, encode(changed), "LVM's filter named the old machine's disks"))
    return Planned(tuple(changes))


def _without_old_disks(match: re.Match[str]) -> str:
    # A list over several lines would be left half; those are rare, and stay.
    whole = match[2].count("[") == match[2].count("]")
    return f"{match[1]}# {match[2]}" if whole and _OLD_DISKS.search(match[2]) else match[0]


REPAIR = Repair("caches", "nothing remembers the old machine's disks", _plan)
