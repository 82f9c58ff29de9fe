"""Network configuration that finds its card by driver or slot, which are others in a virtual machine: by MAC address instead."""

import re

from ..changes import Change, Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, find, text

_MATCHES = (
    ("/etc/systemd/network/*.network", re.compile(r"^(?:Path|Driver)=.*$", re.MULTILINE), "PermanentMACAddress={mac}"),
    ("/etc/systemd/network/*.link", re.compile(r"^(?:Path|Driver|OriginalName)=(?!\*$).*$", re.MULTILINE), "MACAddress={mac}"),
    ("/etc/netplan/*.yaml", re.compile(r"^( +)driver:.*$", re.MULTILINE), '\\1macaddress: "{mac}"'),
)


def _plan(guest: Guest, tree: Tree) -> Planned:
    changes: list[Change] = []
    remarks = []
    cards = guest.hardware.cards
    for pattern, match, instead in _MATCHES:
        for path in find(tree, pattern):
            content = text(tree, path) or ""
            if not match.search(content):
                continue
            if len(cards) != 1:
                remarks.append(
                    f"{path} finds its card by driver or slot, and the machine has {len(cards)}: put a MAC address there"
                )
                continue
            changed = match.sub(instead.format(mac=cards[0].mac.lower()), content, count=1)
            changes.append(WriteFile(path, encode(changed), "its card by MAC address instead of driver or slot"))
    return Planned(tuple(changes), tuple(remarks))


REPAIR = Repair("nic-matches", "network configuration finds its card by MAC address", _plan)
