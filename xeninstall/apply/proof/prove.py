"""Prove the network that the answers describe, from this machine, before a disk is touched. Read this first.

Each question yields a named result as soon as it is known. Nothing stays behind: addresses, routes and VLAN are there for the
time of the proof, and a lease is given back unless this machine held it before.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from xeninstall.answers.model import Dns, Ipv4Method, Ipv6Method, Network, Time
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine

from . import lease, place, router
from .results import Result, Standing, failed, passed, warned
from .services import name_servers, time_servers
from .wire import RealWire, Wire

_ROUTER_SECONDS = 5.0
_UNTAGGED_HEADER_BYTES = 28  # IPv4 and ICMP, in a ping of a given size


@dataclass(frozen=True)
class Subject:
    """What is to be proven: the answers, and the interfaces that they mean here (several for a bond)."""

    interfaces: tuple[str, ...]
    network: Network
    dns: Dns = field(default_factory=Dns)
    time: Time = field(default_factory=Time)


def interfaces(network: Network, machine: Machine) -> tuple[str, ...]:
    """This machine's names of the cards that the answers mean; as the planner chooses them."""
    wanted = network.bond.members if network.bond else () if network.nic == "auto" else (network.nic,)
    if not wanted:
        ranked = sorted(machine.nics, key=lambda nic: (not nic.default_route, not nic.link, nic.pci or "~", nic.name))
        return tuple(nic.name for nic in ranked[:1])
    return tuple(nic.name for name in wanted for nic in machine.nics if name in (nic.name, nic.mac))


def prove(subject: Subject, runner: Runner, wire: Wire | None = None) -> Iterator[Result]:
    """Every result, in the order of the layers. What stands on a failed layer is not asked."""
    with ExitStack() as after:
        try:
            yield from _Proof(subject, runner, wire or RealWire(), after).results()
        except PermissionError:
            yield failed("link", "the network can be tested by root only; run this as root")
        except Error as error:
            yield failed("link", f"{error.message.splitlines()[0]}; {error.hint or 'look at the log'}")


class _Proof:
    def __init__(self, subject: Subject, runner: Runner, wire: Wire, after: ExitStack) -> None:
        self.subject, self.runner, self.wire, self.after = subject, runner, wire, after
        self.network = subject.network
        self.interface = ""  # what packets go through: card, its bridge, or the VLAN over it
        self.card = ""
        self.mac = ""
        self.held: tuple[str, ...] = ()  # addresses that the interface has already

    def results(self) -> Iterator[Result]:
        yield from self._link()
        if not self.card:
            return
        if self.network.bond is not None:
            what = f"a bond is not tested as such, only {self.card} alone"
            yield warned("bond", f"{what}; with 802.3ad the switch may be silent until the bond runs")
        yield from self._vlan()
        found = place.port(self.runner, self.interface) if self.interface else None
        if found is None:
            return
        self.mac, self.held = found.mac, found.addresses
        stood: list[Standing] = []
        yield from self._ipv4(stood)
        yield from self._ipv6(stood)
        if stood:
            yield from name_servers(self.subject.dns, stood, self.wire, self.interface)
            yield from time_servers(self.subject.time, self.subject.dns, stood, self.wire, self.interface)

    def _link(self) -> Iterator[Result]:
        if not self.subject.interfaces:
            yield failed("link", "there is no such network card in this machine; choose one of those listed")
        for name in self.subject.interfaces:
            if self.after.enter_context(place.raised(self.runner, name)):
                yield passed("link", f"{name} has a link")
                self.card = self.card or name
            else:
                yield failed("link", f"{name} has no link; look at the cable and the switch's port, or choose another card")

    def _vlan(self) -> Iterator[Result]:
        self.interface = place.above(self.runner, self.card)
        if self.network.vlan is None:
            return
        try:
            self.interface = self.after.enter_context(place.tagged(self.runner, self.interface, self.network.vlan))
            yield passed("vlan", f"packets carry the tag of VLAN {self.network.vlan}")
        except place.NoVlan as error:
            self.interface = ""
            what = f"VLAN {self.network.vlan} cannot be tested: this kernel makes no 802.1Q interface ({error.message})"
            yield warned("vlan", f"{what}; the installed host's kernel can")

    def _ipv4(self, stood: list[Standing]) -> Iterator[Result]:
        ipv4 = self.network.ipv4
        at: Standing | None = None
        if ipv4.method is Ipv4Method.DHCP:
            given = lease.take(self.wire, self.interface, self.mac)
            if isinstance(given, Result):
                yield given
                return
            at = given
            if at.address not in self.held:
                self.after.callback(lease.give_back, self.wire, self.interface, self.mac, at)
            yield passed("lease", lease.told(at))
        elif ipv4.method is Ipv4Method.STATIC and ipv4.address:
            address, _, prefix = ipv4.address.partition("/")
            owner = self._answers_arp(address, duplicate=True)
            if owner:
                yield failed("address", f"{address} is taken by the machine with the MAC address {owner}; give another address")
                return
            yield passed("address", f"nobody else has {address}")
            at = Standing(address, int(prefix), ipv4.gateway or "")
        if at is None:
            return
        self.after.enter_context(place.standing(self.runner, self.interface, at))
        stood.append(at)
        yield from self._gateway(at)

    def _gateway(self, at: Standing) -> Iterator[Result]:
        if not at.gateway:
            yield warned("gateway", f"{at.address} has no gateway; only its own subnet will be reached")
            return
        found = self._neighbour6(at) if ":" in at.gateway else self._answers_arp(at.gateway, source=at.address)
        if not found:
            yield failed("gateway", f"the gateway {at.gateway} does not answer; look at its address, the VLAN and the cable")
            return
        yield passed("gateway", f"the gateway {at.gateway} answers, MAC address {found}")
        if self.network.mtu and ":" not in at.gateway:
            yield self._mtu(at, self.network.mtu)

    def _answers_arp(self, address: str, *, source: str = "", duplicate: bool = False) -> str:
        """The MAC address that answers for an address, or nothing."""
        asked = ["-D"] if duplicate else ["-f", "-s", source]
        done = self.runner.run(["arping", *asked, "-c", "2", "-w", "2", "-I", self.interface, address], check=False)
        return next((word.strip("[]").lower() for word in done.stdout.split() if word.startswith("[") and ":" in word), "")

    def _neighbour6(self, at: Standing) -> str:
        link_local = at.gateway.startswith("fe80")
        to = f"{at.gateway}%{self.interface}" if link_local else at.gateway
        source = self.interface if link_local else at.address
        self.runner.run(["ping", "-6", "-c", "1", "-W", "2", "-I", source, to], check=False)
        # A router may refuse pings, but it must answer neighbour solicitation.
        shown = ["ip", "-6", "neighbour", "show", "to", at.gateway, "dev", self.interface]
        words = self.runner.run(shown, check=False).stdout.split()
        return words[words.index("lladdr") + 1] if "lladdr" in words[:-1] else ""

    def _mtu(self, at: Standing, mtu: int) -> Result:
        # The card first: a VLAN's interface takes no more than what it stands on.
        names = (self.card, self.interface) if self.network.vlan is not None else (self.card,)
        with ExitStack() as after:
            fits = all(after.enter_context(self._sized(name, mtu)) for name in names)
            if not fits:
                return failed("mtu", f"{self.card} takes no MTU of {mtu}; give a smaller one")
            size = str(mtu - _UNTAGGED_HEADER_BYTES)
            ping = ["ping", "-c", "1", "-W", "2", "-M", "do", "-s", size, "-I", at.address, at.gateway]
            if self.runner.run(ping, check=False).status == 0:
                return passed("mtu", f"packets of {mtu} bytes reach the gateway whole")
        return warned("mtu", f"no answer to a ping of {mtu} bytes; the gateway refuses pings, or a switch takes less")

    def _sized(self, name: str, mtu: int) -> AbstractContextManager[bool]:
        found = place.port(self.runner, name)
        return place.sized(self.runner, name, mtu, found.mtu if found else mtu)

    def _ipv6(self, stood: list[Standing]) -> Iterator[Result]:
        ipv6 = self.network.ipv6
        at: Standing | None = None
        if ipv6.method is Ipv6Method.AUTO:
            heard = self.wire.solicit(self.interface, _ROUTER_SECONDS)
            found = router.advertisement(*heard) if heard else None
            if found is None:
                what = "no IPv6 router answered"
                # Most networks without IPv6 are like that, and the host works in them.
                yield (warned if stood else failed)("router", f"{what}; the host will have no IPv6 address beyond its own link")
                return
            yield _advertised(found)
            if found.prefixes:
                own = router.own_address(found.prefixes[0], self.mac)
                at = Standing(own, 64, found.router if found.is_default else "", found.dns)
        elif ipv6.method is Ipv6Method.STATIC and ipv6.address:
            address, _, prefix = ipv6.address.partition("/")
            at = Standing(address, int(prefix), ipv6.gateway or "")
        if at is None:
            return
        alone = self.after.enter_context(place.standing(self.runner, self.interface, at))
        if ipv6.method is Ipv6Method.STATIC:
            if not alone:
                yield failed("address", f"{at.address} is taken by another machine; give another address")
                return
            yield passed("address", f"nobody else has {at.address}")
        stood.append(at)
        yield from self._gateway(at)


def _advertised(found: router.Advertisement) -> Result:
    what = f"the IPv6 router {found.router} answers"
    if found.prefixes:
        return passed("router", f"{what}, prefix {', '.join(found.prefixes)}")
    if found.managed:
        return warned("router", f"{what} and sends hosts to DHCPv6; that is not tested")
    return warned("router", f"{what}, and gives no prefix; the host will have no IPv6 address beyond its own link")
