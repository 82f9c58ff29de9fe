"""The management network, from systemd-networkd's files: what stands under the bridge xenbr0, and its addresses."""

from typing import Any

from xeninstall.host.tree import Tree, Unit, unit, value, values
from xeninstall.plan.network import BRIDGE, DIRECTORY


def read(tree: Tree) -> dict[str, Any] | None:
    """None where networkd has no bridge of ours: something else keeps the network then."""
    files = {name: unit(tree.text(f"{DIRECTORY}/{name}") or "") for name in tree.names(DIRECTORY)}
    networks = [parsed for name, parsed in files.items() if name.endswith(".network")]
    netdevs = {value(parsed, "NetDev", "Name"): parsed for name, parsed in files.items() if name.endswith(".netdev")}
    management = next((parsed for parsed in networks if value(parsed, "Match", "Name") == BRIDGE), None)
    if management is None:
        return None
    out: dict[str, Any] = {"ipv4": _ipv4(management), "ipv6": _ipv6(management)}
    if (mtu := value(netdevs.get(BRIDGE, ()), "NetDev", "MTUBytes")).isdecimal():
        out["mtu"] = int(mtu)
    ports = _attached(networks, "Bridge", BRIDGE)
    if vlan := _stacked(ports, netdevs, "vlan"):
        if (number := value(netdevs[vlan], "VLAN", "Id")).isdecimal():
            out["vlan"] = int(number)
        ports = _attached(networks, "VLAN", vlan)
    if bond := _stacked(ports, netdevs, "bond"):
        members = [nic for port in _attached(networks, "Bond", bond) if (nic := _match(port))]
        return out | {"bond": {"mode": value(netdevs[bond], "Bond", "Mode"), "members": members}}
    nic = next((nic for port in ports if (nic := _match(port))), "")
    return out | ({"nic": nic} if nic else {})


def _stacked(ports: list[Unit], netdevs: dict[str, Unit], kind: str) -> str:
    """The name of the first port that is a device of this kind, or nothing."""
    names = (_match(port) for port in ports)
    return next((name for name in names if name in netdevs and value(netdevs[name], "NetDev", "Kind") == kind), "")


def _attached(networks: list[Unit], key: str, to: str) -> list[Unit]:
    return [parsed for parsed in networks if to in values(parsed, "Network", key)]


def _match(network: Unit) -> str:
    return value(network, "Match", "PermanentMACAddress").lower() or value(network, "Match", "Name")


def _ipv4(management: Unit) -> dict[str, Any]:
    if value(management, "Network", "DHCP") in ("ipv4", "yes", "true"):
        return {"method": "dhcp"}
    return _static(management, ":", wanted=False) or {"method": "none"}


def _ipv6(management: Unit) -> dict[str, Any]:
    if value(management, "Network", "IPv6AcceptRA") in ("yes", "true"):
        return {"method": "auto"}
    return _static(management, ":", wanted=True) or {"method": "none"}


def _static(management: Unit, sign: str, *, wanted: bool) -> dict[str, Any]:
    addresses = [*values(management, "Network", "Address"), *values(management, "Address", "Address")]
    address = next((one for one in addresses if (sign in one) is wanted), "")
    gateways = [*values(management, "Network", "Gateway"), *values(management, "Route", "Gateway")]
    gateway = next((one for one in gateways if (sign in one) is wanted), "")
    if not address:
        return {}
    return {"method": "static", "address": address} | ({"gateway": gateway} if gateway else {})
