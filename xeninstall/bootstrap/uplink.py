"""The interface that this host is reached by: who configures it, and everything that has to move with it onto the bridge."""

import ipaddress
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from xeninstall.machine.look import Look, whole

INTERFACES = "/etc/network/interfaces"
_CLIENT = re.compile(r"^CLIENTID=([0-9a-f]+)$", re.MULTILINE)
_OWN_NAME = re.compile(r"^\s+client\s", re.MULTILINE)  # of interfaces(5)
# RFC 8415, section 11: the kinds of a DHCP unique identifier, by systemd's names.
_DUID_TYPES = {"0001": "link-layer-time", "0002": "vendor", "0003": "link-layer", "0004": "uuid"}
# Routes that come by themselves with an address or a lease.
_OF_THEMSELVES = ("kernel", "dhcp", "ra", "redirect")


class Manager(StrEnum):
    """Who configures an interface."""

    IFUPDOWN = "ifupdown"
    NETWORKD = "systemd-networkd"
    NETPLAN = "netplan"
    NETWORK_MANAGER = "NetworkManager"


class Family(BaseModel):
    """One family's addresses. `automatic`: from DHCP, or from router advertisements."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    automatic: bool = False
    addresses: tuple[str, ...] = ()  # CIDR notation; empty when automatic
    gateway: str = ""
    routes: tuple[tuple[str, str], ...] = ()  # destination, gateway (empty: on the link)


class Uplink(BaseModel):
    """What holds the default route, as it is now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str = ""  # empty for a network card, else bridge, bond, vlan …
    index: int = 0
    mac: str = ""
    mtu: int = 1500
    manager: Manager | None = None
    ipv4: Family = Family()
    ipv6: Family = Family()
    link_local: bool = False  # has an IPv6 address of the link
    client: tuple[str, ...] | None = ()  # systemd-networkd's words for the DHCP client that holds the lease; None: not known
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    networkd_file: str = ""


def interfaces_files(look: Look) -> tuple[str, ...]:
    """Where interfaces(5) has its words."""
    return (INTERFACES, *(f"{INTERFACES}.d/{entry}" for entry in look.names(f"{INTERFACES}.d")))


def uplink(look: Look) -> Uplink | None:
    """The best IPv4 default route's interface, else that of IPv6; None without any."""
    for family in ("-4", "-6"):
        routes = [route for route in _json(look, ["ip", "-j", family, "route", "show", "default"]) if "dev" in route]
        if routes:
            best = min(routes, key=lambda route: whole(route.get("metric")) or 0)
            return _described(look, str(best["dev"]))
    return None


def _described(look: Look, name: str) -> Uplink:
    found = next(iter(_json(look, ["ip", "-j", "-d", "address", "show", "dev", name])), {})
    index = whole(found.get("ifindex")) or 0
    manager, networkd_file = _manager(look, name, index)
    kind = str((found.get("linkinfo") or {}).get("info_kind", ""))
    lease = look.text(f"/run/systemd/netif/leases/{index}") or ""
    entries = [entry for entry in found.get("addr_info", []) if isinstance(entry, dict)]
    ipv4 = _family4(look, name, entries, leased=bool(lease))
    own_link = look.text(f"/run/systemd/netif/links/{index}") or ""
    return Uplink(
        name=name,
        kind="" if kind in ("", "veth") else kind,
        index=index,
        mac=str(found.get("address", "")).lower(),
        mtu=whole(found.get("mtu")) or 1500,
        manager=manager,
        ipv4=ipv4,
        ipv6=_family6(look, name, entries),
        link_local=any(entry.get("family") == "inet6" and entry.get("scope") == "link" for entry in entries),
        client=_client(look, name, str(found.get("address", "")), lease, manager) if ipv4.automatic else (),
        dns=_words(own_link, "DNS") or _resolved_servers(look),
        search=_words(own_link, "DOMAINS"),
        networkd_file=networkd_file,
    )


def _manager(look: Look, name: str, index: int) -> tuple[Manager | None, str]:
    state = look.text(f"/run/systemd/netif/links/{index}") or ""
    file = re.search(r"^NETWORK_FILE=(.+)$", state, re.MULTILINE)
    if file:
        made_by_netplan = file[1].startswith("/run/systemd/network/10-netplan-")
        return (Manager.NETPLAN if made_by_netplan else Manager.NETWORKD), file[1]
    managed = look.text(f"/run/NetworkManager/devices/{index}") or ""
    if re.search(r"^connection-uuid=", managed, re.MULTILINE):
        return Manager.NETWORK_MANAGER, ""
    up = (look.text("/run/network/ifstate") or "") + "".join(
        look.text(f"/run/network/{entry}") or "" for entry in look.names("/run/network") if entry == f"ifstate.{name}"
    )
    if re.search(rf"^{re.escape(name)}(=|$)", up, re.MULTILINE):
        return Manager.IFUPDOWN, ""
    return None, ""


def _family4(look: Look, name: str, entries: list[dict[str, Any]], *, leased: bool) -> Family:
    mine = [entry for entry in entries if entry.get("family") == "inet" and entry.get("scope") == "global"]
    defaults, routes = _routes(look, name, "-4")
    automatic = leased or any(entry.get("dynamic") for entry in mine) or any(way.get("protocol") == "dhcp" for way in defaults)
    if automatic:
        return Family(automatic=True)
    gateway = next((str(way["gateway"]) for way in defaults if way.get("gateway")), "")
    return Family(addresses=tuple(_cidr(entry) for entry in mine), gateway=gateway, routes=routes)


def _family6(look: Look, name: str, entries: list[dict[str, Any]]) -> Family:
    mine = [entry for entry in entries if entry.get("family") == "inet6" and entry.get("scope") == "global"]
    defaults, routes = _routes(look, name, "-6")
    automatic = any(entry.get("dynamic") for entry in mine) or any(way.get("protocol") == "ra" for way in defaults)
    if automatic:
        return Family(automatic=True)
    gateway = next((str(way["gateway"]) for way in defaults if way.get("gateway")), "")
    return Family(addresses=tuple(_cidr(entry) for entry in mine), gateway=gateway, routes=routes)


def _routes(look: Look, name: str, family: str) -> tuple[list[dict[str, Any]], tuple[tuple[str, str], ...]]:
    """Default routes of the interface, and what else somebody has set on it."""
    found = list(_json(look, ["ip", "-j", family, "route", "show", "dev", name]))
    defaults = [route for route in found if route.get("dst") == "default"]
    others = [
        (str(route["dst"]), str(route.get("gateway", "")))
        for route in found
        if isinstance(route.get("dst"), str)
        and route["dst"] not in ("default", "anycast", "multicast")
        and route.get("protocol") not in _OF_THEMSELVES
        and not route["dst"].startswith(("fe80:", "ff00:"))
    ]
    return defaults, tuple(others)


def _client(look: Look, name: str, mac: str, lease: str, manager: Manager | None) -> tuple[str, ...] | None:
    """How the present client names itself to the server; without a name of its own, servers go by the MAC address."""
    if manager is not Manager.IFUPDOWN:
        found = _CLIENT.search(lease)
        return _spelled(found[1]) if found else ()
    dhclient = (look.text(f"/proc/{look.line(f'/run/dhclient.{name}.pid')}/cmdline") or "").split("\0")
    if dhclient[0].endswith("dhclient"):
        return _dhclient(look, name, mac, by_duid="-i" in dhclient)
    if any(entry.startswith((f"{name}.", f"{name}-")) for entry in look.names("/run/dhcpcd")):
        return _dhcpcd(look, mac)
    return () if look.exists(f"/run/udhcpc.{name}.pid") else None


def _dhclient(look: Look, name: str, mac: str, *, by_duid: bool) -> tuple[str, ...] | None:
    if re.search(r"^[^#]*\bdhcp-client-identifier\b", look.text("/etc/dhcp/dhclient.conf") or "", re.MULTILINE):
        return None
    if not by_duid:
        return ()
    duid = _dhclient_duid(look.text(f"/var/lib/dhcp/dhclient.{name}.leases") or "")
    return _spelled(_end_of(mac) + duid) or None


def _dhcpcd(look: Look, mac: str) -> tuple[str, ...] | None:
    settings = look.text("/etc/dhcpcd.conf") or ""
    stanzas = [look.text(path) or "" for path in interfaces_files(look)]
    if re.search(r"^\s*(clientid[ \t]+\S|iaid\b)", settings, re.MULTILINE) or any(_OWN_NAME.search(text) for text in stanzas):
        return None
    if not re.search(r"^duid\b", settings, re.MULTILINE):
        return ()
    return _spelled(_end_of(mac) + look.line("/var/lib/dhcpcd/duid").replace(":", "")) or None


def _end_of(mac: str) -> str:
    """How dhclient and dhcpcd begin: the kind of identifier, and as IAID the end of the MAC address."""
    return "ff" + mac.replace(":", "")[4:]


def _dhclient_duid(leases: str) -> str:
    """The DUID in dhclient.leases(5), there a string with octal escapes, in hexadecimal digits."""
    found = re.search(r'^default-duid "((?:[^"\\]|\\.)*)";$', leases, re.MULTILINE)
    pieces = re.findall(r"\\([0-7]{3})|\\?(.)", found[1]) if found else []
    return "".join(f"{int(octal, 8) if octal else ord(plain):02x}" for octal, plain in pieces)


def _spelled(identifier: str) -> tuple[str, ...]:
    """systemd.network's keys for a client identifier of RFC 4361: 255, IAID, DUID. Nothing for the MAC address, its default."""
    kind = _DUID_TYPES.get(identifier[10:14])
    if not identifier.startswith("ff") or kind is None or len(identifier) < 16:
        return ()
    raw = ":".join(re.findall("..", identifier[14:]))
    return ("ClientIdentifier=duid", f"IAID={int(identifier[2:10], 16)}", f"DUIDType={kind}", f"DUIDRawData={raw}")


def _resolved_servers(look: Look) -> tuple[str, ...]:
    """The servers behind systemd-resolved, where it answers this host's questions."""
    if "/systemd/resolve/" not in look.place("/etc/resolv.conf"):
        return ()
    text = look.text("/run/systemd/resolve/resolv.conf") or ""
    return tuple(re.findall(r"^nameserver\s+([0-9a-fA-F.:]+)$", text, re.MULTILINE))


def _words(state: str, key: str) -> tuple[str, ...]:
    found = re.search(rf"^{key}=(.+)$", state, re.MULTILINE)
    return tuple(found[1].split()) if found else ()


def _cidr(entry: dict[str, Any]) -> str:
    return str(ipaddress.ip_interface(f"{entry['local']}/{entry['prefixlen']}"))


def _json(look: Look, argv: list[str]) -> Iterator[dict[str, Any]]:
    done = look.ask(argv, about="network")
    try:
        found = json.loads(done.stdout or "[]") if done else []
    except ValueError:
        return
    yield from (entry for entry in found if isinstance(entry, dict) and entry)
