"""Network interfaces keep their names: each is tied to its card's MAC address, which the virtual machine keeps.

A rule of udev rather than a .link file: it is understood by every udev there ever was, and `DRIVERS=="?*"` leaves bonds, bridges
and VLANs alone, which have the MAC address of the card beneath them.
"""

import re
from fnmatch import fnmatchcase

from ..changes import Planned, Repair, WriteFile
from ..model import Card, Guest
from ..tree import Tree, encode
from .interfaces import Interface, configured, pinned

_PATH = "/etc/udev/rules.d/70-p2v-net.rules"
_HEAD = "# Written by p2v: the network interfaces of the machine that this system was converted from keep their names.\n"
_RULE = 'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{{address}}=="{mac}", ATTR{{type}}=="1", NAME:="{name}"\n'
_BY_ORDER = re.compile(r"eth\d+")


def _plan(guest: Guest, tree: Tree) -> Planned:
    names, remarks = assign(configured(tree), pinned(tree), guest.hardware.cards)
    if not names:
        return Planned((), tuple(remarks))
    rules = "".join(_RULE.format(mac=mac, name=name) for name, mac in sorted(names.items()))
    return Planned((WriteFile(_PATH, encode(_HEAD + rules), f"{', '.join(sorted(names))} by MAC address"),), tuple(remarks))


def assign(interfaces: list[Interface], pins: dict[str, str], cards: tuple[Card, ...]) -> tuple[dict[str, str], list[str]]:
    """Which name belongs to which MAC address, and what could not be told."""
    names: dict[str, str] = {}
    remarks: list[str] = []
    free = {card.mac.lower(): card for card in cards}

    def take(name: str, mac: str) -> None:
        if mac not in names.values():
            names[name] = mac
            free.pop(mac, None)

    cards_wanted = [interface for interface in interfaces if not interface.virtual]
    open_names = []
    for interface in cards_wanted:
        mac = interface.mac or pins.get(interface.name, "")
        if not interface.pattern and mac:
            take(interface.name, mac)
        elif not interface.pattern:
            open_names.append(interface.name)
    for name in list(open_names):
        fitting = [card for card in free.values() if name in (card.name, *_predictable(card.pci))]
        if len(fitting) == 1:
            take(name, fitting[0].mac.lower())
            open_names.remove(name)
    for interface in cards_wanted:
        if interface.pattern:
            for card in [card for card in free.values() if fnmatchcase(card.name, interface.name)]:
                take(card.name, card.mac.lower())
    if open_names and len(open_names) == len(free):
        ordered = sorted(free.values(), key=lambda card: (card.pci, card.mac))
        if len(open_names) == 1 or all(_BY_ORDER.fullmatch(name) for name in open_names):
            if len(open_names) > 1:
                remarks.append(
                    f"{', '.join(sorted(open_names))} were told apart by the order of the cards: look whether it is right"
                )
            for name, card in zip(sorted(open_names), ordered, strict=True):
                take(name, card.mac.lower())
            open_names = []
    unknown = "is configured, and its card is not known: in the virtual machine it may have another name"
    remarks += [f"{name} {unknown}" for name in open_names]
    return names, remarks


def _predictable(pci: str) -> tuple[str, ...]:
    # systemd.net-naming-scheme(7): [P<domain>]p<bus>s<slot>[f<function>], in decimal.
    match = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", pci)
    if match is None:
        return ()
    domain, bus, slot, function = (int(part, 16) for part in match.groups())
    start = f"en{f'P{domain}' if domain else ''}p{bus}s{slot}"
    return (start, f"{start}f{function}") if function == 0 else (f"{start}f{function}",)


REPAIR = Repair("nics", "network interfaces keep their names", _plan)
