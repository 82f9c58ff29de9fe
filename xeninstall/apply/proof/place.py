"""A place in the network for the time of a proof: VLAN, address and routes, taken away afterwards whatever happened.

The routes stand in a table of their own, used only by packets from the proof's address, so that the machine's other
traffic, such as the SSH session that the wizard runs in, goes where it went before.
"""

import ipaddress
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, Runner

from .results import Standing
from .tagging import relayed

_TABLE = "7351"  # any number that nobody else has; also the rules' priority
_VLAN = "xiproof"
_LINK_SECONDS = 6.0  # a gigabit port takes four to agree on its speed
_DUPLICATE_SECONDS = 3.0


@dataclass(frozen=True)
class Port:
    """An interface that can be asked through."""

    name: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]


class NoVlan(Error):
    """The VLAN could not be made."""


def port(runner: Runner, name: str) -> Port | None:
    """What the kernel says of an interface; None when there is none of that name."""
    found = _json(runner.run(["ip", "-j", "address", "show", "dev", name], check=False))
    if not found:
        return None
    addresses = tuple(str(one.get("local")) for one in found.get("addr_info", []))
    return Port(name, str(found.get("address", "")), int(found.get("mtu", 1500)), addresses)


@contextmanager
def raised(runner: Runner, name: str) -> Iterator[bool]:
    """The interface up, as long as needed; whether it has a link."""
    link = _json(runner.run(["ip", "-j", "link", "show", "dev", name], check=False))
    was_up = "UP" in link.get("flags", [])
    with ExitStack() as after:
        if link and not was_up:
            runner.run(["ip", "link", "set", "dev", name, "up"], check=False)
            after.callback(runner.run, ["ip", "link", "set", "dev", name, "down"], check=False)
        yield bool(link) and _has_link(runner, name)


def above(runner: Runner, name: str) -> str:
    """The interface that packets go through: the bridge or bond that a card belongs to, else the card."""
    link = _json(runner.run(["ip", "-j", "link", "show", "dev", name], check=False))
    return str(link.get("master") or name)


@contextmanager
def tagged(runner: Runner, name: str, vlan: int) -> Iterator[str]:
    """An interface in that VLAN, by the kernel's tags or, where it has none, by ours. Raises NoVlan with the kernel's words."""
    runner.run(["ip", "link", "del", "dev", _VLAN], check=False)  # what a proof that was killed has left
    made = runner.run(["ip", "link", "add", "link", name, "name", _VLAN, "type", "vlan", "id", str(vlan)], check=False)
    with ExitStack() as after:
        if made.status == 0:
            after.callback(runner.run, ["ip", "link", "del", "dev", _VLAN], check=False)
        else:
            said = made.stderr.strip().splitlines() or ["refused"]
            try:
                after.enter_context(relayed(name, _VLAN, vlan))
            except OSError as error:
                raise NoVlan(f"{said[-1].removeprefix('Error: ')}, and without it: {error.strerror}") from None
            _like(runner, name)
        runner.run(["ip", "link", "set", "dev", _VLAN, "up"])
        yield _VLAN


def _like(runner: Runner, name: str) -> None:
    """The kernel's own VLAN interfaces have the card's MAC address and MTU, which is where the answers go to."""
    card = port(runner, name)
    if card is not None:
        runner.run(["ip", "link", "set", "dev", _VLAN, "address", card.mac, "mtu", str(card.mtu)])


@contextmanager
def standing(runner: Runner, interface: str, at: Standing) -> Iterator[bool]:
    """The address on the interface, with its routes. False when another machine has the IPv6 address already."""
    family = "-6" if ":" in at.address else "-4"
    host = f"{at.address}/{at.prefix}"
    mine = port(runner, interface)
    with ExitStack() as after:

        def for_now(there: list[str], back: list[str]) -> None:
            runner.run(["ip", family, *there], check=False)
            after.callback(runner.run, ["ip", family, *back], check=False)

        if mine is None or at.address not in mine.addresses:
            for_now(["address", "add", host, "dev", interface, "noprefixroute"], ["address", "del", host, "dev", interface])
        for_now(
            ["rule", "add", "from", at.address, "lookup", _TABLE, "priority", _TABLE],
            ["rule", "del", "from", at.address, "lookup", _TABLE],
        )
        for_now(["route", "add", host_network(at), "dev", interface, "table", _TABLE], ["route", "flush", "table", _TABLE])
        if at.gateway:
            # onlink: a link-local or off-subnet gateway is still on this wire.
            way = ["via", at.gateway, "dev", interface, "onlink", "table", _TABLE]
            runner.run(["ip", family, "route", "add", "default", *way], check=False)
        yield family == "-4" or _settled(runner, interface, at.address)


@contextmanager
def sized(runner: Runner, name: str, wanted: int, now: int) -> Iterator[bool]:
    """The interface with at least that MTU; False when the card refuses."""
    if wanted <= now:
        yield True
        return
    done = runner.run(["ip", "link", "set", "dev", name, "mtu", str(wanted)], check=False)
    try:
        yield done.status == 0
    finally:
        runner.run(["ip", "link", "set", "dev", name, "mtu", str(now)], check=False)


def host_network(at: Standing) -> str:
    """The subnet of an address."""
    return str(ipaddress.ip_interface(f"{at.address}/{at.prefix}").network)


def _has_link(runner: Runner, name: str) -> bool:
    end = time.monotonic() + _LINK_SECONDS
    while True:
        if "LOWER_UP" in _json(runner.run(["ip", "-j", "link", "show", "dev", name], check=False)).get("flags", []):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.3)


def _settled(runner: Runner, interface: str, address: str) -> bool:
    """Wait for duplicate address detection (RFC 4862, 5.4)."""
    end = time.monotonic() + _DUPLICATE_SECONDS
    while True:
        found = _json(runner.run(["ip", "-j", "-6", "address", "show", "dev", interface], check=False)).get("addr_info", [])
        own: dict[str, Any] = next((one for one in found if one.get("local") == address), {})
        if own.get("dadfailed"):
            return False
        if not own.get("tentative") or time.monotonic() >= end:
            return True
        time.sleep(0.2)


def _json(done: Completed) -> dict[str, Any]:
    try:
        found = json.loads(done.stdout or "[]")
    except ValueError:
        return {}
    return next((one for one in found if isinstance(one, dict) and one), {}) if isinstance(found, list) else {}
