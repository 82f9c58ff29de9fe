"""The network moves under a running systemd and comes back: real ifupdown, systemd-networkd and netplan, in a container.

A machine in QEMU takes minutes for what takes seconds here; test_bootstrap.py has the whole in one.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .bootstrap_guest import INTERFACES, Variant
from .container import NETWORK, Container, Roots, contained

pytestmark = [pytest.mark.vm, pytest.mark.root]

_STATIC = f"address {NETWORK}.10/24\n  gateway {NETWORK}.1\n"
_NETWORKD = "systemd-networkd.service"


def _netplan(words: str) -> dict[str, str]:
    text = f"network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0:\n      {words}\n"
    return {"/etc/netplan/50-cloud-init.yaml": text}


def _networkd(words: str) -> dict[str, str]:
    return {"/etc/systemd/network/20-wired.network": f"[Match]\nName=eth*\n\n[Network]\n{words}\n"}


_IFUPDOWN = {"/etc/network/interfaces": f"{INTERFACES}\nauto eth0\niface eth0 inet static\n  {_STATIC}"}
_LEASED = {"/etc/network/interfaces": f"{INTERFACES}\nauto eth0\niface eth0 inet dhcp\n"}
_ADDRESS = f"Address={NETWORK}.10/24\nGateway={NETWORK}.1"
_PLAN = f"addresses: [{NETWORK}.10/24]\n      routes: [{{to: default, via: {NETWORK}.1}}]"
VARIANTS = [
    Variant("12-ifupdown-static", 12, "", _IFUPDOWN),
    Variant("12-ifupdown-dhcp", 12, "", _LEASED),
    Variant("12-networkd-static", 12, "", _networkd(_ADDRESS), (_NETWORKD,)),
    Variant("12-networkd-dhcp", 12, "", _networkd("DHCP=yes"), (_NETWORKD,)),
    Variant("12-netplan-dhcp", 12, "", _netplan("dhcp4: true"), (_NETWORKD,)),
    Variant("13-ifupdown-static", 13, "", _IFUPDOWN),
    Variant("13-ifupdown-dhcp", 13, "", _LEASED),
    Variant("13-networkd-dhcp", 13, "", _networkd("DHCP=yes"), (_NETWORKD,)),
    Variant("13-netplan-static", 13, "", _netplan(_PLAN), (_NETWORKD,)),
    Variant("13-netplan-dhcp", 13, "", _netplan("dhcp4: true"), (_NETWORKD,)),
]
# An address that is free, behind a router that is not there.
MISLED = f"""
[network.ipv4]
method = "static"
address = "{NETWORK}.50/24"
gateway = "{NETWORK}.99"
"""


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.name)
def container(request: pytest.FixtureRequest, roots: Roots, tmp_path: Path) -> Iterator[Container]:
    with contained(roots, request.param, tmp_path) as started:
        yield started


def test_it_comes_back_when_it_does_not_work_and_stays_when_it_does(container: Container) -> None:
    before, clients = container.addresses(), container.clients()
    files = container.run("sh", "-c", "cat /etc/network/interfaces /etc/netplan/* /etc/systemd/network/*")[0]

    said, status = container.move(20, MISLED)
    assert status == 1, said
    assert f"the gateway {NETWORK}.99 does not answer" in said
    container.has(before)
    assert container.run("sh", "-c", "cat /etc/network/interfaces /etc/netplan/* /etc/systemd/network/*")[0] == files
    container.reaches(f"{NETWORK}.1")
    assert container.clients() == clients, "the lease is renewed by whom it was"

    said, status = container.move(60)
    assert status == 0, said
    assert container.addresses() == {"xenbr0": before["eth0"]}, "the same address, static or by the same lease"
    container.reaches(f"{NETWORK}.1")
    assert container.move(60)[1] == 7, "nothing is left to do"

    container.kill()
    container.boot()
    container.has({"xenbr0": before["eth0"]})


def test_what_was_not_confirmed_does_not_outlive_a_restart(container: Container) -> None:
    before = container.addresses()
    container.start("python3", "/opt/xeninstall/contained_network.py", "600", MISLED)
    container.has({"xenbr0": f"{NETWORK}.50/24"})
    container.kill()
    container.boot()
    container.has(before)
    assert container.run("systemctl", "status", "xeninstall-network-undo.service")[1] == 4, "the way back is gone"
