"""The order of the questions, with a recording runner and a recorded wire: what is asked, what not, and what is put back."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.apply.proof.test_router import PREFIX, sent
from xeninstall.answers.model import Dns, Network, Time
from xeninstall.apply.proof import dhcp, sntp
from xeninstall.apply.proof.prove import Subject, prove
from xeninstall.apply.proof.results import Outcome, Standing
from xeninstall.base.run import Completed, Process

MAC = "52:54:00:12:34:56"
LEASE = Standing("192.0.2.100", 24, "192.0.2.1", ("192.0.2.1",), ("192.0.2.1",), "192.0.2.1", "", 3600)


class Host:
    """A Runner for one card that answers as `ip`, `arping` and `ping` would."""

    def __init__(self, *, link: bool = True, up: bool = True, vlan: bool = True, held: str = "", arp: Sequence[str] = ()) -> None:
        self.link, self.up, self.vlan, self.held, self.arp = link, up, vlan, held, arp
        self.commands: list[str] = []

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.commands.append(" ".join(argv))
        status, out, err = self._answer(list(argv))
        return Completed(tuple(argv), status, out, err)

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        raise AssertionError(argv)

    def _answer(self, argv: list[str]) -> tuple[int, str, str]:
        if argv[:3] in (["ip", "-j", "link"], ["ip", "-j", "address"]):
            flags = (["UP"] if self.up else []) + (["LOWER_UP"] if self.link else [])
            shown: dict[str, Any] = {"ifname": argv[-1], "flags": flags, "address": MAC, "mtu": 1500}
            shown["addr_info"] = [{"local": self.held}] if self.held else []
            return 0, json.dumps([shown]), ""
        if argv[:3] == ["ip", "link", "add"] and not self.vlan:
            return 2, "", "Error: Unknown device type.\n"
        if argv[0] == "arping":
            answers = argv[-1] in self.arp
            return int(answers), f"Unicast reply from {argv[-1]} [FE:E4:B9:95:43:B7]  0.5ms\n" if answers else "", ""
        return 0, "", ""


class Net:
    """A Wire: a DHCP server, a name server and a time server, each there or not."""

    def __init__(
        self, *, lease: Standing | None = LEASE, refuses: bool = False, router: bytes | None = None, dns: bool = True
    ) -> None:
        self.lease, self.refuses, self.router, self.dns = lease, refuses, router, dns
        self.sent: list[tuple[str, str]] = []

    def broadcast(self, interface: str, packet: bytes, understand: Callable[[bytes], Any], seconds: float) -> Any:
        kind = dhcp.Kind(packet[28 + 242])
        self.sent.append((interface, kind.name))
        if self.lease is None or kind is dhcp.Kind.RELEASE:
            return None
        answer = dhcp.Kind.OFFER if kind is dhcp.Kind.DISCOVER else dhcp.Kind.ACK
        refused = self.refuses and kind is dhcp.Kind.REQUEST
        return dhcp.Reply(dhcp.Kind.NAK if refused else answer, self.lease)

    def ask(self, interface: str, source: str, to: tuple[str, int], data: bytes, seconds: float) -> bytes | None:
        self.sent.append((interface, f"{to[1]} {source} {to[0]}"))
        if to[1] == 53:
            return data[:2] + b"\x81\x80" + data[4:] if self.dns else None
        stamp = data[40:48]
        return b"\x24\x02" + bytes(22) + stamp * 3

    def solicit(self, interface: str, seconds: float) -> tuple[bytes, str] | None:
        return (self.router, "fe80::1") if self.router else None


def asked(
    host: Host, net: Net, network: dict[str, Any], dns: Dns | None = None, time: Time | None = None
) -> list[tuple[str, Outcome]]:
    """Names and outcomes."""
    subject = Subject(("eno1",), Network.model_validate({"ipv6": {"method": "none"}} | network), dns or Dns(), time or Time())
    return [(result.name, result.outcome) for result in prove(subject, host, net)]


GOOD, ODD, BAD = Outcome.PASSED, Outcome.WARNED, Outcome.FAILED


def test_dhcp_is_proven_to_the_end_and_the_lease_given_back() -> None:
    host, net = Host(arp=["192.0.2.1"]), Net()
    assert asked(host, net, {}) == [("link", GOOD), ("lease", GOOD), ("gateway", GOOD), ("dns", GOOD), ("ntp", GOOD)]
    assert [what for _, what in net.sent] == [
        "DISCOVER",
        "REQUEST",
        "53 192.0.2.100 192.0.2.1",
        "123 192.0.2.100 192.0.2.1",
        "RELEASE",
    ]


def test_whatever_was_set_up_is_taken_away_in_the_opposite_order() -> None:
    host = Host(arp=["192.0.2.1"], up=False)
    asked(host, Net(), {"vlan": 20})
    changes = [
        line
        for line in host.commands
        if " add " in line or " del " in line or "flush" in line or " up" in line or " down" in line
    ]
    assert changes == [
        "ip link set dev eno1 up",
        "ip link del dev xiproof",
        "ip link add link eno1 name xiproof type vlan id 20",
        "ip link set dev xiproof up",
        "ip -4 address add 192.0.2.100/24 dev xiproof noprefixroute",
        "ip -4 rule add from 192.0.2.100 lookup 7351 priority 7351",
        "ip -4 route add 192.0.2.0/24 dev xiproof table 7351",
        "ip -4 route add default via 192.0.2.1 dev xiproof onlink table 7351",
        "ip -4 route flush table 7351",
        "ip -4 rule del from 192.0.2.100 lookup 7351",
        "ip -4 address del 192.0.2.100/24 dev xiproof",
        "ip link del dev xiproof",
        "ip link set dev eno1 down",
    ]


def test_an_address_that_the_machine_has_already_stays_and_its_lease_too() -> None:
    host, net = Host(arp=["192.0.2.1"], held="192.0.2.100"), Net()
    asked(host, net, {})
    assert not [line for line in host.commands if "address add" in line or "address del" in line]
    assert ("eno1", "RELEASE") not in net.sent


def test_without_a_link_nothing_more_is_asked(monkeypatch: Any) -> None:
    monkeypatch.setattr("xeninstall.apply.proof.place._LINK_SECONDS", 0)
    net = Net()
    assert asked(Host(link=False), net, {}) == [("link", BAD)]
    assert not net.sent


def test_a_kernel_without_vlans_is_a_result_and_no_untagged_question_is_asked() -> None:
    net = Net()
    assert asked(Host(vlan=False), net, {"vlan": 20}) == [("link", GOOD), ("vlan", ODD)]
    assert not net.sent


def test_no_dhcp_server_and_one_that_takes_its_offer_back() -> None:
    assert asked(Host(), Net(lease=None), {}) == [("link", GOOD), ("lease", BAD)]
    assert asked(Host(), Net(refuses=True), {}) == [("link", GOOD), ("lease", BAD)]


def test_a_static_address_that_another_machine_has_is_not_taken() -> None:
    host = Host(arp=["192.0.2.10"])
    assert asked(host, Net(), {"ipv4": {"method": "static", "address": "192.0.2.10/24"}}) == [("link", GOOD), ("address", BAD)]
    assert not [line for line in host.commands if "address add" in line]


def test_a_static_address_without_gateway_reaches_its_own_subnet() -> None:
    network = {"ipv4": {"method": "static", "address": "192.0.2.10/24"}}
    dns = Dns.model_validate({"mode": "servers", "servers": ("192.0.2.1", "2001:db8::53")})
    time = Time.model_validate({"ntp": "none"})
    found = asked(Host(), Net(), network, dns, time)
    assert found == [("link", GOOD), ("address", GOOD), ("gateway", ODD), ("dns", GOOD), ("dns", BAD)]


def test_a_dead_gateway_does_not_keep_the_others_from_being_asked() -> None:
    found = asked(Host(), Net(dns=False), {})
    assert found == [("link", GOOD), ("lease", GOOD), ("gateway", BAD), ("dns", BAD), ("ntp", GOOD)]


def test_ipv6_from_a_router_and_its_absence_beside_ipv4_is_no_failure() -> None:
    auto = {"ipv6": {"method": "auto"}}
    assert asked(Host(arp=["192.0.2.1"]), Net(), auto)[3] == ("router", ODD)
    alone = {"ipv4": {"method": "none"}, **auto}
    assert asked(Host(), Net(), alone)[1] == ("router", BAD)
    found = asked(Host(), Net(router=sent(PREFIX)), alone, time=Time.model_validate({"ntp": "none"}))
    assert found == [("link", GOOD), ("router", GOOD), ("gateway", BAD), ("dns", BAD)]


def test_a_bond_is_asked_through_its_first_card_with_a_link_and_says_so() -> None:
    network = Network.model_validate({"bond": {"mode": "802.3ad", "members": ["eno1", "eno2"]}, "ipv6": {"method": "none"}})
    found = [result.name for result in prove(Subject(("eno1", "eno2"), network), Host(arp=["192.0.2.1"]), Net())]
    assert found[:4] == ["link", "link", "bond", "lease"]


def test_a_proof_that_is_closed_halfway_cleans_up() -> None:
    host = Host(arp=["192.0.2.1"])
    asking = prove(Subject(("eno1",), Network.model_validate({"ipv6": {"method": "none"}})), host, Net())
    assert [next(asking).name for _ in range(3)] == ["link", "lease", "gateway"]
    asking.close()  # type: ignore[attr-defined]
    assert host.commands[-1].startswith("ip -4 address del")


def test_the_clock_is_told_in_words() -> None:
    from xeninstall.apply.proof.services import clock

    assert clock(sntp.Told(0.2, 2)) == "this machine's clock is right within 0.200 s"
    assert clock(sntp.Told(7200, 2)) == "this machine's clock is 2 h slow"
    assert clock(sntp.Told(-400 * 86400, 2)) == "this machine's clock is 400 d fast"
