"""The rules across keys: what may stand beside what."""

import pytest

from xeninstall.answers.model import (
    Bond,
    DiskMatch,
    DiskSelector,
    Dns,
    DnsMode,
    ExtraDisk,
    Ipv4,
    Ipv4Method,
    Ipv6,
    Ipv6Method,
    Network,
    NtpMode,
    Pick,
    Root,
    Storage,
    SystemDisk,
    Time,
)
from xeninstall.answers.rules import breaches
from xeninstall.answers.sections import Sections

from .strategies import HASH, KEY

LOGIN = Root(ssh_keys=(KEY,))


def found(**sections: object) -> list[str]:
    """The keys of the broken rules."""
    places = [breach.location for breach in breaches(Sections.model_validate({"root": LOGIN, **sections}))]
    return [".".join(str(part) for part in place) for place in places]


def static4(address: str, gateway: str | None = None) -> dict[str, object]:
    ipv4 = Ipv4(method=Ipv4Method.STATIC, address=address, gateway=gateway)
    return {"network": Network(ipv4=ipv4)}


def test_the_defaults_with_a_login_break_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("address", "gateway", "is_fine"),
    [
        ("192.0.2.10/24", "192.0.2.1", True),
        ("192.0.2.10/24", None, True),
        ("192.0.2.10/24", "192.0.3.1", False),
        ("192.0.2.10/24", "192.0.2.10", False),
        ("192.0.2.10/24", "192.0.2.0", False),
        ("192.0.2.10/24", "192.0.2.255", False),
        ("192.0.2.0/31", "192.0.2.1", True),
        ("192.0.2.10/32", "192.0.2.1", False),
        ("192.0.2.10/24", "169.254.1.1", False),
    ],
)
def test_the_ipv4_gateway_is_another_host_inside_the_subnet(address: str, gateway: str | None, is_fine: bool) -> None:
    assert found(**static4(address, gateway)) == ([] if is_fine else ["network.ipv4.gateway"])


@pytest.mark.parametrize(
    ("gateway", "is_fine"),
    [("2001:db8::1", True), ("fe80::1", True), ("2001:db8:1::1", False), ("2001:db8::10", False)],
)
def test_the_ipv6_gateway_is_inside_the_subnet_or_link_local(gateway: str, is_fine: bool) -> None:
    ipv6 = Ipv6(method=Ipv6Method.STATIC, address="2001:db8::10/64", gateway=gateway)
    assert found(network=Network(ipv6=ipv6)) == ([] if is_fine else ["network.ipv6.gateway"])


def test_ipv6_alone_is_enough_to_be_reached() -> None:
    assert found(network=Network(ipv4=Ipv4(method=Ipv4Method.NONE))) == []
    nowhere = Network(ipv4=Ipv4(method=Ipv4Method.NONE), ipv6=Ipv6(method=Ipv6Method.NONE))
    assert found(network=nowhere) == ["network.ipv6.method"]


def test_dns_by_dhcp_needs_somebody_who_tells() -> None:
    static = Ipv4(method=Ipv4Method.STATIC, address="192.0.2.10/24")
    assert found(network=Network(ipv4=static)) == []  # router advertisements tell
    alone = Network(ipv4=static, ipv6=Ipv6(method=Ipv6Method.NONE))
    assert found(network=alone) == ["dns.mode"]
    assert found(network=alone, dns=Dns(mode=DnsMode.SERVERS, servers=("192.0.2.53",))) == []


@pytest.mark.parametrize(
    ("mode", "given", "broken"),
    [
        (DnsMode.DHCP, {}, []),
        (DnsMode.DHCP, {"servers", "forwarders"}, ["dns.servers", "dns.forwarders"]),
        (DnsMode.SERVERS, {"servers"}, []),
        (DnsMode.SERVERS, {"forwarders"}, ["dns.servers", "dns.forwarders"]),
        (DnsMode.SERVE, {"forwarders"}, []),
        (DnsMode.SERVE, {"servers"}, ["dns.servers", "dns.forwarders"]),
    ],
)
def test_each_dns_mode_has_its_own_list(mode: DnsMode, given: set[str], broken: list[str]) -> None:
    assert found(dns=Dns(mode=mode, **{key: ("198.51.100.53",) for key in given})) == broken


def test_this_host_does_not_ask_itself() -> None:
    dns = Dns(mode=DnsMode.SERVE, forwarders=("198.51.100.53", "192.0.2.10"))
    assert found(**static4("192.0.2.10/24"), dns=dns) == ["dns.forwarders.1"]


def test_ntp_by_dhcp_is_allowed_with_a_static_address() -> None:
    assert found(**static4("192.0.2.10/24"), time=Time(ntp=NtpMode.DHCP)) == []


def test_ntp_servers_and_the_clock_belong_to_their_modes() -> None:
    assert found(time=Time(ntp=NtpMode.SERVERS)) == ["time.servers"]
    assert found(time=Time(ntp=NtpMode.NONE, servers=("a.example.org",))) == ["time.servers"]
    assert found(time=Time(ntp=NtpMode.SERVERS, servers=("a.example.org",))) == []


@pytest.mark.parametrize(
    ("root", "broken"),
    [
        (Root(), ["root"]),
        (Root(password_hash=HASH), []),
        (Root(password_hash="!"), ["root.password_hash"]),
        (Root(password_hash="!", ssh_keys=(KEY,)), []),
        (Root(password_stdin=True), []),
        (Root(password_file="f", password_stdin=True), ["root.password_stdin"]),
        (Root(password_hash=HASH, password_file="f", password_stdin=True), ["root.password_file", "root.password_stdin"]),
    ],
)
def test_root_has_one_way_in_by_password_or_keys(root: Root, broken: list[str]) -> None:
    assert found(root=root) == broken


def test_a_bond_takes_the_place_of_the_nic() -> None:
    bond = Bond(members=("eno1", "eno2"))
    assert found(network=Network(bond=bond)) == []
    assert found(network=Network(bond=bond, nic="eno3")) == ["network.nic"]


def test_a_disk_is_taken_once() -> None:
    def disks(mirror: DiskSelector, *extra: ExtraDisk) -> list[str]:
        return found(disk=SystemDisk(serial="S1", mirror=mirror), storage=Storage(extra_disks=extra))

    assert disks(DiskSelector(serial="S2"), ExtraDisk(serial="S3", erase=True)) == []
    assert disks(DiskSelector(serial="S1")) == ["disk.mirror.serial"]
    assert disks(DiskSelector(serial="S2"), ExtraDisk(serial="S2", erase=True)) == ["storage.extra_disks.0.serial"]
    twice = (ExtraDisk(path="/dev/sdx", erase=True), ExtraDisk(path="/dev/sdx", erase=True))
    assert disks(DiskSelector(serial="S2"), *twice) == ["storage.extra_disks.1.path"]


def test_equal_match_rules_are_fine_since_each_takes_from_what_is_left() -> None:
    rule = DiskMatch(bus="nvme", pick=Pick.FIRST)
    assert found(disk=SystemDisk(match=rule, mirror=DiskSelector(match=rule))) == []


def test_what_was_refused_by_itself_is_not_judged_again() -> None:
    sections = Sections(network=Network(nic="eno1", bond=Bond(members=("a", "a"))), root=LOGIN)
    assert len(breaches(sections)) == 2
    assert [breach.location for breach in breaches(sections, [("network", "nic")])] == [("network", "bond", "members", 1)]
    assert breaches(sections, [("network",)]) == []
    assert len(breaches(sections, [("host", "name")])) == 2
