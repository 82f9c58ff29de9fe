"""Which interface belongs to which card, from whatever the guest's files and the machine's inventory tell."""

from pathlib import Path

import pytest

from p2v.guest.linux.interfaces import Interface, configured, pinned
from p2v.guest.linux.nics import assign
from p2v.guest.model import Card
from p2v.guest.tree import RootTree
from tests.p2v.guest.trees import write_tree

A, B = "52:54:00:aa:00:01", "52:54:00:aa:00:02"
ONE, TWO = Card(A, "eno1", "0000:02:00.0"), Card(B, "eno2", "0000:03:00.0")


@pytest.mark.parametrize(
    ("interfaces", "pins", "cards", "names"),
    [
        ([Interface("eth0", A)], {}, (), {"eth0": A}),  # the configuration says it
        ([Interface("eth0")], {"eth0": B}, (ONE, TWO), {"eth0": B}),  # the guest's own rule says it
        ([Interface("eno2")], {}, (ONE, TWO), {"eno2": B}),  # the running system calls it the same
        ([Interface("enp3s0")], {}, (ONE, TWO), {"enp3s0": B}),  # its slot says it
        ([Interface("lan")], {}, (ONE,), {"lan": A}),  # there is but one
        ([Interface("eth1"), Interface("eth0")], {}, (TWO, ONE), {"eth0": A, "eth1": B}),  # by order
        ([Interface("en*")], {}, (ONE, TWO), {"eno1": A, "eno2": B}),
        ([Interface("bond0", virtual=True), Interface("eth0", A)], {}, (), {"eth0": A}),
        ([Interface("eth0", A), Interface("eth1", A)], {}, (), {"eth0": A}),
    ],
)
def test_a_name_finds_its_card(
    interfaces: list[Interface], pins: dict[str, str], cards: tuple[Card, ...], names: dict[str, str]
) -> None:
    assert assign(interfaces, pins, cards)[0] == names


def test_what_is_guessed_or_not_known_is_said() -> None:
    _, guessed = assign([Interface("eth0"), Interface("eth1")], {}, (ONE, TWO))
    assert guessed == ["eth0, eth1 were told apart by the order of the cards: look whether it is right"]
    names, unknown = assign([Interface("lan"), Interface("dmz")], {}, (ONE, TWO))
    assert names == {}
    assert unknown[0] == "lan is configured, and its card is not known: in the virtual machine it may have another name"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (
            "=== /etc/network/interfaces\nsource-directory interfaces.d\n=== /etc/network/interfaces.d/x\nauto eth0.7 lo\n",
            {"eth0": False, "eth0.7": True},
        ),
        (
            "=== /etc/network/interfaces\niface bond0 inet dhcp\n  bond-slaves eth0 eth1\n",
            {"bond0": True, "eth0": False, "eth1": False},
        ),
        ("=== /etc/network/interfaces\niface eth0:1 inet static\n#iface eth9 inet dhcp\n", {"eth0": False}),
        ("=== /etc/network/interfaces\nsource /etc/network/interfaces\niface eth0 inet dhcp\n", {"eth0": False}),
        (
            "=== /etc/systemd/network/a.netdev\n[NetDev]\nName=br0\n=== /etc/systemd/network/b.network\n[Match]\nName=br0 en*\n",
            {"br0": True, "en*": False},
        ),
        (
            "=== /etc/netplan/a.yaml\nnetwork:\n  ethernets:\n    nic0:\n      match: {}\n    eth1: {dhcp4: true}\n"
            "  bridges:\n    br0:\n      interfaces: [eth1]\n",
            {"nic0": False, "eth1": False, "br0": True},
        ),
        (
            "=== /etc/NetworkManager/system-connections/a\n[connection]\ntype=vlan\ninterface-name=v7\n[vlan]\nparent=eth0\n",
            {"v7": True, "eth0": False},
        ),
        (
            "=== /etc/sysconfig/network-scripts/ifcfg-eth0.bak\nDEVICE=eth9\n"
            "=== /etc/sysconfig/network-scripts/ifcfg-x\nDEVICE=br1\nTYPE=Bridge\n",
            {"br1": True},
        ),
    ],
)
def test_configurations_are_read(tmp_path: Path, files: str, found: dict[str, bool]) -> None:
    write_tree(files, tmp_path)
    assert {interface.name: interface.virtual for interface in configured(RootTree(tmp_path))} == found


def test_the_guests_own_rules_are_read(tmp_path: Path) -> None:
    rule = 'SUBSYSTEM=="net", ATTR{address}=="%s", NAME="%s"\n'
    files = "=== /etc/udev/rules.d/70-persistent-net.rules\n" + rule % (A.upper(), "eth5") + "#" + rule % (B, "eth6")
    files += f"=== /etc/systemd/network/10-x.link\n[Match]\nMACAddress={B}\n[Link]\nName=dmz\n=== /etc/iftab\nold mac {A} arp 1\n"
    write_tree(files, tmp_path)
    assert pinned(RootTree(tmp_path)) == {"eth5": A, "dmz": B, "old": A}
