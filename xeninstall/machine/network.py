"""Network cards: the Ethernet ports that a management network can use, with what is known about each.

Names and addresses come from netifaces, link and speed from sysfs and psutil, default routes from `ip -j`, because netifaces
misses defaults that have several next hops or live beside another routing table.
"""

import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from .look import Look, clean, whole
from .model import Nic

_ARPHRD_ETHER = "1"
_PCI = re.compile(r"[0-9a-f]{4,5}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
# The kernel's "unknown" is -1, which older kernels wrote as an unsigned number.
_FASTEST_MBPS = 10_000_000


class Stack(Protocol):
    """The running network stack, as the libraries tell it; tests hand in a recorded one."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """An interface's addresses, in CIDR notation."""

    def default_interfaces(self) -> tuple[str, ...]:
        """Interfaces with a default route, as far as the library sees them."""

    def speed_mbps(self, name: str) -> int | None:
        """Link speed."""


class ThisHost:
    """The stack of the machine that this program runs on."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def addresses(self, name: str) -> tuple[str, ...]:
        """See Stack.addresses."""
        if (netifaces := self._netifaces()) is None:
            return ()
        try:
            families = netifaces.ifaddresses(name)
        except (ValueError, OSError):
            return ()
        entries = [*families.get(netifaces.AF_INET, ()), *families.get(netifaces.AF_INET6, ())]
        found = (_cidr(entry.get("addr", ""), entry.get("netmask", "")) for entry in entries)
        return tuple(address for address in found if address)

    def default_interfaces(self) -> tuple[str, ...]:
        """See Stack.default_interfaces."""
        if (netifaces := self._netifaces()) is None:
            return ()
        default = netifaces.gateways().get("default", {})
        return tuple(entry[1] for family in (netifaces.AF_INET, netifaces.AF_INET6) if (entry := default.get(family)))

    def speed_mbps(self, name: str) -> int | None:
        """See Stack.speed_mbps."""
        import psutil

        try:
            stats = psutil.net_if_stats().get(name)
        except OSError:
            return None
        return stats.speed if stats else None

    def _netifaces(self) -> Any:  # noqa: ANN401 — the module has no types
        try:
            import netifaces
        except ImportError:
            self._look.note("addresses of network cards not seen: the Python module netifaces is missing")
            return None
        return netifaces


def nics(look: Look, stack: Stack | None = None) -> tuple[Nic, ...]:
    """Every physical Ethernet port (a virtual machine's paravirtual ones too), by name."""
    stack = stack or ThisHost(look)
    names = [name for name in look.names("/sys/class/net") if _is_port(look, name)]
    reached = set(_below(look, _default_interfaces(look, stack)))
    return tuple(_nic(look, stack, name, name in reached) for name in names)


def _is_port(look: Look, name: str) -> bool:
    base = f"/sys/class/net/{name}"
    if not look.exists(f"{base}/device") or look.line(f"{base}/type") != _ARPHRD_ETHER:
        return False  # lo, bridges, bonds, VLANs, tunnels, InfiniBand
    if look.exists(f"{base}/wireless") or look.exists(f"{base}/phy80211"):
        return False  # a wireless card cannot carry a bridge
    if look.exists(f"{base}/device/physfn"):
        return False  # a virtual function is meant for a guest
    return look.target(f"{base}/device/subsystem") != "xen-backend"  # a guest's end, seen from dom0


def _nic(look: Look, stack: Stack, name: str, default_route: bool) -> Nic:
    base = f"/sys/class/net/{name}"
    # A member of a bond answers with the bond's address; its own is kept aside.
    mac = look.line(f"{base}/bonding_slave/perm_hwaddr") or look.line(f"{base}/address")
    carrier = look.number(f"{base}/carrier")  # unreadable while the interface is down
    link = None if carrier is None else carrier == 1
    speed = look.number(f"{base}/speed")
    if link and (speed is None or not 0 < speed < _FASTEST_MBPS):
        speed = stack.speed_mbps(name)
    # Bridge, bond and VLAN over it carry the addresses that it is reached by.
    addresses = [address for one in (name, *_above(look, name)) for address in stack.addresses(one)]
    return Nic(
        name=name,
        mac=mac.lower(),
        driver=look.target(f"{base}/device/driver"),
        pci=_pci(look, base),
        model=_model(look, base),
        link=link,
        speed_mbps=speed if link and speed is not None and 0 < speed < _FASTEST_MBPS else None,
        addresses=tuple(dict.fromkeys(addresses)),
        default_route=default_route,
    )


def _pci(look: Look, base: str) -> str:
    place = look.place(f"{base}/device")
    found = _PCI.findall(place)
    # What hangs on USB has the controller's address in its path, not one of its own.
    return found[-1] if found and "/usb" not in place else ""


def _model(look: Look, base: str) -> str:
    """The product's name as udev's hardware database has it, else the PCI numbers."""
    udev = look.text(f"/run/udev/data/n{look.line(f'{base}/ifindex')}") or ""
    facts = dict(line[2:].split("=", 1) for line in udev.splitlines() if line.startswith("E:") and "=" in line)
    if name := clean(facts.get("ID_MODEL_FROM_DATABASE") or facts.get("ID_MODEL", "").replace("_", " ")):
        maker = clean(facts.get("ID_VENDOR_FROM_DATABASE", ""))
        return name if not maker or maker.split()[0].lower() in name.lower() else f"{maker} {name}"
    pci = _pci(look, base)
    numbers = [look.line(f"/sys/bus/pci/devices/{pci}/{part}").removeprefix("0x") for part in ("vendor", "device")]
    return ":".join(numbers) if pci and all(numbers) else ""


def _cidr(address: str, netmask: str) -> str:
    """netifaces gives IPv6 as `fe80::1%eth0` with the mask `ffff:…::/64`."""
    bits = netmask.rpartition("/")[2] if ":" in address else netmask
    try:
        return str(ipaddress.ip_interface(f"{address.partition('%')[0]}/{bits}"))
    except ValueError:
        return ""


@dataclass(frozen=True)
class _Default:
    metric: int
    interfaces: tuple[str, ...]


def _default_interfaces(look: Look, stack: Stack) -> tuple[str, ...]:
    """Where packets for the world leave: the best IPv4 default, else the best IPv6 one."""
    for family in ("-4", "-6"):
        done = look.ask(["ip", "-j", family, "route", "show", "default"], about="default route")
        routes = list(_routes(done.stdout)) if done else []
        if routes:
            best = min(route.metric for route in routes)
            return tuple(name for route in routes if route.metric == best for name in route.interfaces)
    return stack.default_interfaces()


def _routes(text: str) -> Iterator[_Default]:
    try:
        entries = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        hops = entry.get("nexthops")
        places = [entry, *(hop for hop in (hops if isinstance(hops, list) else ()) if isinstance(hop, dict))]
        names = tuple(str(place["dev"]) for place in places if isinstance(place.get("dev"), str))
        if names:
            yield _Default(whole(entry.get("metric")) or 0, names)


def _below(look: Look, names: tuple[str, ...]) -> Iterator[str]:
    """The interfaces and whatever they stand on: bridge ports, bond members, the card of a VLAN."""
    return _linked(look, names, "lower_")


def _above(look: Look, name: str) -> tuple[str, ...]:
    return tuple(one for one in _linked(look, (name,), "upper_") if one != name)


def _linked(look: Look, names: tuple[str, ...], prefix: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [name for name in names if "/" not in name]
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        yield name
        entries = look.names(f"/sys/class/net/{name}")
        waiting += [entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)]
