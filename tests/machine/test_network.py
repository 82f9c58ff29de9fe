"""Network cards: which interfaces are ports, and what is known about each."""

import json

import pytest

from xeninstall.machine.look import Look
from xeninstall.machine.model import Nic
from xeninstall.machine.network import ThisHost, nics

from .computer import Computer, Recorder

I350 = ("0000:01:00.0", "8086:1521", "igb")


def found(computer: Computer) -> tuple[Nic, ...]:
    return nics(computer.look(), computer.stack)


def test_a_port_is_told_whole(computer: Computer) -> None:
    computer.nic("eno1", "AA:BB:CC:00:00:01", *I350, model="Intel Corporation|I350", cidrs=("192.0.2.5/24",), default=True)
    (nic,) = found(computer)
    assert nic == Nic(
        name="eno1",
        mac="aa:bb:cc:00:00:01",
        driver="igb",
        pci="0000:01:00.0",
        model="Intel Corporation I350",
        link=True,
        speed_mbps=1000,
        addresses=("192.0.2.5/24",),
        default_route=True,
    )


def test_bridges_loopback_wireless_and_virtual_functions_are_no_ports(computer: Computer) -> None:
    computer.file("/sys/class/net/lo/type", "772\n")
    computer.file("/sys/class/net/xenbr0/type", "1\n")
    computer.nic("wlan0", "aa:bb:cc:00:00:01", "0000:02:00.0", "8086:2723", "iwlwifi")
    computer.file("/sys/class/net/wlan0/wireless/x", "")
    computer.nic("eno1v0", "aa:bb:cc:00:00:02", "0000:02:10.0", "8086:1520", "igbvf")
    computer.file("/sys/class/net/eno1v0/device/physfn/vendor", "")
    assert found(computer) == ()


def test_an_interface_that_is_down_cannot_tell_its_link(computer: Computer) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350, link=None)
    (nic,) = found(computer)
    assert (nic.link, nic.speed_mbps) == (None, None)


@pytest.mark.parametrize("speed", [-1, 0, 4294967295])
def test_a_speed_that_the_kernel_does_not_know_is_none(computer: Computer, speed: int) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350, speed=speed)
    computer.stack.speeds["eno1"] = 0
    assert found(computer)[0].speed_mbps is None


def test_the_library_may_know_the_speed(computer: Computer) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350, speed=-1)
    computer.stack.speeds["eno1"] = 2500
    assert found(computer)[0].speed_mbps == 2500


def test_a_bond_member_keeps_its_own_address_and_is_reached_by_what_stands_on_it(computer: Computer) -> None:
    for number in (1, 2):
        computer.nic(f"eno{number}", "aa:bb:cc:00:00:01", f"0000:01:00.{number}", "8086:1521", "igb")
        computer.file(f"/sys/class/net/eno{number}/bonding_slave/perm_hwaddr", f"aa:bb:cc:00:00:0{number}\n")
        computer.over("bond0", f"eno{number}")
    computer.over("xenbr0", "bond0")
    computer.stack.cidrs["xenbr0"] = ("192.0.2.5/24",)
    computer.command(["ip", "-j", "-4", "route"], '[{"dst": "default", "gateway": "192.0.2.1", "dev": "xenbr0", "flags": []}]')
    first, second = found(computer)
    assert (first.mac, second.mac) == ("aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02")
    assert first.default_route and second.default_route
    assert first.addresses == second.addresses == ("192.0.2.5/24",)


def test_the_default_route_with_the_lowest_metric_counts(computer: Computer) -> None:
    for number in (1, 2):
        computer.nic(f"eno{number}", f"aa:bb:cc:00:00:0{number}", f"0000:01:00.{number}", "8086:1521", "igb")
    routes = [{"dst": "default", "dev": "eno1", "metric": 200}, {"dst": "default", "dev": "eno2", "metric": 100}]
    computer.command(["ip", "-j", "-4", "route"], json.dumps(routes))
    assert [nic.default_route for nic in found(computer)] == [False, True]


def test_every_hop_of_a_multipath_default_counts(computer: Computer) -> None:
    for number in (1, 2):
        computer.nic(f"eno{number}", f"aa:bb:cc:00:00:0{number}", f"0000:01:00.{number}", "8086:1521", "igb")
    computer.command(["ip", "-j", "-4", "route"], '[{"dst": "default", "nexthops": [{"dev": "eno1"}, {"dev": "eno2"}]}]')
    assert all(nic.default_route for nic in found(computer))


def test_an_ipv6_default_counts_where_ipv4_has_none(computer: Computer) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350)
    computer.command(["ip", "-j", "-6", "route"], '[{"dst": "default", "gateway": "fe80::1", "dev": "eno1"}]')
    assert found(computer)[0].default_route


@pytest.mark.parametrize(
    "garbage", ["", "no json", "{}", "[1, null]", '[{"dst": "default", "dev": 7, "nexthops": 3}]', "[" * 100_000]
)
def test_garbage_from_ip_is_no_route_and_no_crash(computer: Computer, garbage: str) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350)
    computer.command(["ip", "-j"], garbage)
    assert not found(computer)[0].default_route


def test_without_ip_the_library_knows_the_default_and_a_note_says_so(computer: Computer) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350)
    del computer.runner.answers["ip", "-j"]
    computer.stack.defaults = ("eno1",)
    look = computer.look()
    assert nics(look, computer.stack)[0].default_route
    assert look.notes == ["default route not seen: ip: the program ip is missing (install the Debian package iproute2)"]


def test_without_udev_the_model_is_the_pci_numbers(computer: Computer) -> None:
    computer.nic("eno1", "aa:bb:cc:00:00:01", *I350)
    assert found(computer)[0].model == "8086:1521"


def test_netifaces_and_psutil_answer_for_this_host() -> None:
    stack = ThisHost(Look(Recorder()))
    assert "127.0.0.1/8" in stack.addresses("lo")
    assert stack.addresses("no-such-nic") == ()
    assert stack.speed_mbps("no-such-nic") is None
    assert isinstance(stack.default_interfaces(), tuple)
