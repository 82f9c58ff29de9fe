"""Old systems say in modprobe.conf which driver is `eth0` and which the disks' adapter: the old machine's."""

import re

from ..changes import Change, Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, find, text

_FILES = ("/etc/modprobe.conf", "/etc/modprobe.conf.local", "/etc/modules.conf", "/etc/conf.modules", "/etc/modprobe.d/*")
_ALIAS = re.compile(r"^([ \t]*alias[ \t]+(?:eth\d+|scsi_hostadapter\d*|usb-controller\d*)[ \t]+\S+.*)$", re.MULTILINE)
# Forbidding these would leave the virtual machine without disk or network.
_OURS = r"(?:virtio(?:_(?:ring|pci|blk|scsi|net))?|xen[-_](?:blk|net)front|ata_piix|ahci|sd_mod|8139cp|8139too|e1000)"
_FORBIDDEN = re.compile(rf"^([ \t]*(?:blacklist|install)[ \t]+{_OURS}\b.*)$", re.MULTILINE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    del guest
    changes: list[Change] = []
    for pattern in _FILES:
        for path in find(tree, pattern):
            content = text(tree, path)
            if content is None:
                continue
            changed = _FORBIDDEN.sub(r"# p2v: \1", _ALIAS.sub(r"# p2v: \1", content))
            if changed != content:
                changes.append(
                    WriteFile(path, encode(changed), "the old machine's drivers are not asked for, ours not forbidden")
                )
    return Planned(tuple(changes))


REPAIR = Repair("modprobe", "no driver of the old machine is tied to a name", _plan)
