"""The network interfaces that a guest configures, from whichever files it has; and the cards to which it has tied their names."""

import re
from dataclasses import dataclass

from ..tree import Tree, find, is_file, text

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_RULE_NAME = re.compile(r'\bNAME:?="([^"$%]{1,15})"')
_RULE_ADDRESS = re.compile(r'(?:ATTRS?|SYSFS)\{address\}=="([^"]+)"')
_NAME = re.compile(r"[A-Za-z][\w.:-]{0,14}")
_MAX_INCLUDED = 100


@dataclass(frozen=True)
class Interface:
    """A name that the guest's configuration uses. `mac` is empty where it says none; bonds, bridges, VLANs are `virtual`."""

    name: str
    mac: str = ""
    virtual: bool = False

    @property
    def pattern(self) -> bool:
        """Whether the name stands for several."""
        return any(sign in self.name for sign in "*?[")


def configured(tree: Tree) -> list[Interface]:
    """All of them, each name once; those of cards come first."""
    found = [*_ifupdown(tree), *_networkd(tree), *_netplan(tree), *_network_manager(tree), *_ifcfg(tree)]
    virtual = {interface.name for interface in found if interface.virtual}
    merged: dict[str, Interface] = {}
    for interface in found:
        name = interface.name.partition(":")[0]
        if (
            name in ("lo", "")
            or not (_NAME.fullmatch(name) or interface.pattern)
            or name.startswith(("tun", "tap", "wg", "dummy", "docker"))
        ):
            continue
        kept = merged.get(name)
        merged[name] = Interface(name, (kept.mac if kept else "") or interface.mac.lower(), name in virtual or "." in name)
    return sorted(merged.values(), key=lambda interface: (interface.virtual, interface.name))


def pinned(tree: Tree) -> dict[str, str]:
    """Names that the guest itself ties to a card: the name → its MAC address."""
    found: dict[str, str] = {}
    for path in find(tree, "/etc/udev/rules.d/*.rules"):
        for line in (text(tree, path) or "").splitlines():
            name, address = _RULE_NAME.search(line), _RULE_ADDRESS.search(line)
            if name and address and _MAC.fullmatch(address[1]) and not line.lstrip().startswith("#"):
                found[name[1]] = address[1].lower()
    for path in find(tree, "/etc/systemd/network/*.link"):
        parts = _sections(text(tree, path) or "")
        name_of = parts.get(("Link", "Name"), "")
        address_of = parts.get(("Match", "MACAddress"), "") or parts.get(("Match", "PermanentMACAddress"), "")
        if name_of and _MAC.fullmatch(address_of):
            found[name_of] = address_of.lower()
    for line in (text(tree, "/etc/iftab") or "").splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == "mac" and _MAC.fullmatch(words[2]):
            found[words[0]] = words[2].lower()
    return found


def _ifupdown(tree: Tree) -> list[Interface]:
    found: list[Interface] = []
    waiting, seen = ["/etc/network/interfaces"], set[str]()
    while waiting and len(seen) < _MAX_INCLUDED:
        path = tree.real(waiting.pop(0))
        if path in seen:
            continue
        seen.add(path)
        current = ""
        for line in (text(tree, path) or "").replace("\\\n", " ").splitlines():
            words = line.split("#", 1)[0].split() if line.lstrip().startswith("#") else line.split()
            match words:
                case ["source", pattern]:
                    waiting += [place for place in find(tree, _absolute(pattern)) if is_file(tree, place)]
                case ["source-directory", folder]:
                    waiting += [place for place in find(tree, f"{_absolute(folder)}/*") if is_file(tree, place)]
                case ["auto" | "allow-hotplug" | "allow-auto", *names]:
                    found += [Interface(name) for name in names]
                case ["iface", name, *_]:
                    current = name
                    found.append(Interface(name, virtual=name.startswith(("vlan", "bond", "br"))))
                case ["bond-slaves" | "slaves" | "bridge_ports" | "bridge-ports" | "bond_slaves", *ports]:
                    found += [
                        Interface(current, virtual=True),
                        *(Interface(port) for port in ports if port not in ("none", "all", "regex")),
                    ]
                case ["vlan-raw-device" | "vlan_raw_device", below]:
                    found += [Interface(current, virtual=True), Interface(below)]
                case _:
                    pass
    # `eth0.7` stands upon eth0, which need not be named itself.
    found += [
        Interface(interface.name.partition(".")[0]) for interface in found if "." in interface.name and "*" not in interface.name
    ]
    return found


def _networkd(tree: Tree) -> list[Interface]:
    netdevs = [_sections(text(tree, path) or "") for path in find(tree, "/etc/systemd/network/*.netdev")]
    found = [Interface(parts.get(("NetDev", "Name"), ""), virtual=True) for parts in netdevs]
    for path in find(tree, "/etc/systemd/network/*.network"):
        parts = _sections(text(tree, path) or "")
        mac = parts.get(("Match", "PermanentMACAddress"), "") or parts.get(("Match", "MACAddress"), "")
        found += [
            Interface(name, mac if _MAC.fullmatch(mac) else "")
            for name in parts.get(("Match", "Name"), "").split()
            if name[0] != "!"
        ]
    return found


def _netplan(tree: Tree) -> list[Interface]:
    found = []
    for path in find(tree, "/etc/netplan/*.yaml"):
        for keys, value in _yaml(text(tree, path) or ""):
            match keys:
                case ["network", "ethernets", name, "match", "macaddress"]:
                    found.append(Interface(name, value))
                case ["network", "ethernets", name, "set-name"]:
                    found.append(Interface(value))
                case ["network", "ethernets", name]:
                    found.append(Interface(name))
                case ["network", "bonds" | "bridges" | "vlans" | "tunnels", name]:
                    found.append(Interface(name, virtual=True))
                case _:
                    pass
    # What is matched by its address is a name of netplan's own, and not an interface's.
    matched = {interface.name for interface in found if interface.mac}
    renamed = any(
        keys[-1:] == ["set-name"] for path in find(tree, "/etc/netplan/*.yaml") for keys, _ in _yaml(text(tree, path) or "")
    )
    return found if renamed else [interface for interface in found if interface.name not in matched]


def _network_manager(tree: Tree) -> list[Interface]:
    found = []
    for path in find(tree, "/etc/NetworkManager/system-connections/*"):
        parts = _sections(text(tree, path) or "")
        name, kind = parts.get(("connection", "interface-name"), ""), parts.get(("connection", "type"), "")
        mac = parts.get(("ethernet", "mac-address"), "") or parts.get(("802-3-ethernet", "mac-address"), "")
        if name:
            found.append(Interface(name, mac if _MAC.fullmatch(mac) else "", kind not in ("ethernet", "802-3-ethernet", "")))
        below = parts.get(("vlan", "parent"), "")
        found += [Interface(below)] if below else []
    return found


def _ifcfg(tree: Tree) -> list[Interface]:
    found = []
    for path in find(tree, "/etc/sysconfig/network-scripts/ifcfg-*") + find(tree, "/etc/sysconfig/network/ifcfg-*"):
        name = path.rsplit("/ifcfg-", 1)[1]
        if name.endswith((".bak", ".orig", ".rpmsave", ".rpmnew", "~", ".template")):
            continue
        values = _shell(text(tree, path) or "")
        by_name = re.search(f"(?:id|mac)-({_MAC.pattern})", name, re.IGNORECASE)
        mac = values.get("HWADDR", "") or values.get("LLADDR", "") or (by_name[1] if by_name else "")
        kind = values.get("TYPE", "").lower()
        virtual = (
            kind in ("bond", "bridge", "vlan", "team", "ovsbridge")
            or any(values.get(key, "").lower() == "yes" for key in ("VLAN", "BONDING_MASTER", "BRIDGE"))
            or bool({"BONDING_OPTS", "BONDING_MODULE_OPTS", "ETHERDEVICE", "VLAN_ID"} & set(values))
        )
        found.append(Interface(values.get("DEVICE") or ("" if by_name else name), mac if _MAC.fullmatch(mac) else "", virtual))
        found += [
            Interface(value)
            for key, value in values.items()
            if re.fullmatch(r"BONDING_SLAVE_?\d*", key) and _NAME.fullmatch(value)
        ]
        found += [Interface(port) for port in values.get("BRIDGE_PORTS", "").split()]
        if "ETHERDEVICE" in values:
            found.append(Interface(values["ETHERDEVICE"]))
    return found


def _sections(content: str) -> dict[tuple[str, str], str]:
    """`[Section]` and `Key=value`: systemd's files and NetworkManager's."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in content.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found.setdefault((section, key.strip()), value.strip())
    return found


def _shell(content: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in content.splitlines():
        match = re.match(r"\s*([A-Za-z_]\w*)=(.*)$", line)
        if match:
            found[match[1]] = match[2].split(" #", 1)[0].strip().strip("\"'")
    return found


def _yaml(content: str) -> list[tuple[list[str], str]]:
    """The mappings of a block-style document, each by its keys: what netplan's files are made of. The rest is passed over."""
    found: list[tuple[list[str], str]] = []
    stack: list[tuple[int, str]] = []
    for line in content.splitlines():
        match = re.match(r"^( *)([\"']?)([^\s#\"':-][^\"':]*|[^\s\"']+?)\2:(?:\s+(.*?))?\s*$", line)
        if match is None or line.lstrip().startswith(("#", "- ")):
            continue
        depth = len(match[1])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        stack.append((depth, match[3]))
        value = (match[4] or "").split(" #", 1)[0].strip().strip("\"'")
        found.append(([key for _, key in stack], value))
    return found


def _absolute(pattern: str) -> str:
    return pattern if pattern.startswith("/") else f"/etc/network/{pattern}"
