"""Bond, VLAN and bridge against a switch: what leaves the cables is what was answered."""

from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD, Installed
from .console import LOGIN_SECONDS
from .health import nothing_failed
from .qemu import Disk, Machine
from .switch import switch
from .workshop import direct_boot

pytestmark = [pytest.mark.vm, pytest.mark.root]

MACS = ["52:54:00:0b:0d:01", "52:54:00:0b:0d:02"]
GATEWAY = "198.51.100.1"
# A bond carries nothing while its ports still negotiate.
PING = f"(for try in $(seq 30); do ping -c 1 -W 3 {GATEWAY} && exit 0; sleep 1; done; exit 1)"


def network(mode: str, vlan: int | None) -> str:
    """A bond of both cards with a static address."""
    tag = f"vlan = {vlan}\n" if vlan else ""
    return f"""
[network]
{tag}[network.bond]
mode = "{mode}"
members = ["{MACS[0]}", "{MACS[1]}"]
[network.ipv4]
method = "static"
address = "198.51.100.12/24"
gateway = "{GATEWAY}"
[network.ipv6]
method = "none"
[dns]
mode = "servers"
servers = ["198.51.100.53"]
[time]
ntp = "none"
"""


def test_a_bond_by_lacp_carries_the_management_vlan_under_xen_from_an_ahci_disk(installed: Installed) -> None:
    image = installed(answers(rest=network("802.3ad", 120)))
    with (
        switch(MACS, GATEWAY, vlan=120) as wires,
        Machine([Disk(image, bus="ahci")], nics=wires.cables, name="lacp") as machine,
    ):
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        assert "hvm" in host.check("xl info | grep virt_caps")
        host.check(PING, 120)
        bond = host.check("cat /proc/net/bonding/bond0")
        assert "Bonding Mode: IEEE 802.3ad Dynamic link aggregation" in bond
        assert "Partner Mac Address: 52:54:00:bb:00:01" in bond
        aggregators = [line.split()[-1] for line in bond.splitlines() if line.startswith("Aggregator ID:")]
        assert len(aggregators) == 2 and len(set(aggregators)) == 1, "both cards are in one aggregate"
        assert "vlan protocol 802.1Q id 120" in host.check("ip -d link show vlan120")
        assert host.check("ls /sys/class/net/xenbr0/brif") == "vlan120"
        assert host.check("ip -br -4 address show dev xenbr0").split()[2] == "198.51.100.12/24"
        nothing_failed(host)
    assert not [seen for seen in wires.seen if seen[1] == 0 and seen[2] in (0x0800, 0x0806)], "nothing leaves untagged"
    assert {port for port, vlan, kind in wires.seen if kind == 0x8809 and vlan == 0} == {0, 1}


def test_an_active_backup_bond_goes_on_with_one_cable(installed: Installed, tmp_path: Path) -> None:
    # The network does not depend on Xen: the kernel alone is started, which takes half as long.
    image = installed(answers(rest=network("active-backup", None)))
    direct = direct_boot(image, tmp_path / "kernel")
    with (
        switch(MACS, GATEWAY) as wires,
        Machine([Disk(image)], nics=wires.cables, direct=direct, name="backup") as machine,
    ):
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        host.check(PING, 120)
        assert "Bonding Mode: fault-tolerance (active-backup)" in host.check("cat /proc/net/bonding/bond0")
        assert host.check("ls /sys/class/net/xenbr0/brif") == "bond0"
        active = host.check("sed -n 's/^Currently Active Slave: //p' /proc/net/bonding/bond0")
        mac = host.check(f"sed -n '/Slave Interface: {active}/,/Permanent/s/Permanent HW addr: //p' /proc/net/bonding/bond0")
        machine.monitor(f"set_link net{MACS.index(mac)} off")
        wires.unplugged.add(MACS.index(mac))
        host.check(PING, 120)
        assert host.check("sed -n 's/^Currently Active Slave: //p' /proc/net/bonding/bond0") != active
