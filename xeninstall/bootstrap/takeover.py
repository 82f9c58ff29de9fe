"""Taking the network card from the system that has it, and giving it back: the files that say so, and shell lines.

They stand alone, so that they work when this program, its session or the whole run is gone.
"""

from dataclasses import dataclass

from xeninstall.machine.look import Look
from xeninstall.plan.model import Remove, WriteFile
from xeninstall.plan.network import BRIDGE

from .places import TRIAL
from .uplink import Manager, Uplink, interfaces_files

SWITCH_SERVICE = "xeninstall-network-switch.service"
FIREWALL = "/etc/nftables.conf"
_STANZAS = ("iface", "mapping", "auto", "source", "source-directory", "no-auto-down", "no-scripts")
_CLOUD = "/etc/cloud/cloud.cfg.d/99-xeninstall-network.cfg"
_NM = "/etc/NetworkManager/conf.d/xeninstall.conf"


@dataclass(frozen=True)
class Release:
    """How the old system lets go: its files, and what does not come along."""

    files: tuple[WriteFile | Remove, ...]
    warnings: tuple[str, ...]


def release(look: Look, uplink: Uplink) -> Release:
    """What has to change in the files of the system that configures the uplink."""
    cloud: tuple[WriteFile | Remove, ...] = ()
    if look.exists("/etc/cloud/cloud.cfg"):
        text = "# Written by xeninstall: xenbr0 carries the address now.\nnetwork: {config: disabled}\n"
        cloud = (WriteFile(path=_CLOUD, text=text),)
    match uplink.manager:
        case Manager.IFUPDOWN:
            files, warnings = _ifupdown(look, uplink.name)
            return Release((*cloud, *files), warnings)
        case Manager.NETWORK_MANAGER:
            text = (
                "# Written by xeninstall: systemd-networkd has these.\n[keyfile]\n"
                f"unmanaged-devices+=mac:{uplink.mac};interface-name:{BRIDGE};interface-name:vif*\n"
            )
            return Release((*cloud, WriteFile(path=_NM, text=text)), ())
        case Manager.NETPLAN:
            return Release((*cloud, *_netplan(look, uplink.name)), ())
        case _:
            return Release(cloud, ())


def _netplan(look: Look, name: str) -> tuple[Remove, ...]:
    """Where netplan has this card alone, its files go; for other cards they stay, and ours come first for this one."""
    made = [
        entry for entry in look.names("/run/systemd/network") if entry.startswith("10-netplan-") and entry.endswith(".network")
    ]
    if made != [f"10-netplan-{name}.network"]:
        return ()
    return tuple(Remove(path=f"/etc/netplan/{entry}") for entry in look.names("/etc/netplan") if entry.endswith(".yaml"))


def _ifupdown(look: Look, name: str) -> tuple[tuple[WriteFile, ...], tuple[str, ...]]:
    written: list[WriteFile] = []
    warnings: list[str] = []
    for path in interfaces_files(look):
        text = look.text(path)
        if text is None:
            continue
        rest, dropped = without_interface(text, name)
        if rest != text:
            written.append(WriteFile(path=path, text=rest))
        for line in dropped:
            word = line.split()[0]
            if word in ("up", "post-up", "pre-up", "down", "pre-down", "post-down"):
                warnings.append(f"{path}: `{line}` is not carried over: what it sets now is, as routes of {BRIDGE}")
    return tuple(written), tuple(warnings)


def without_interface(text: str, name: str) -> tuple[str, list[str]]:
    """interfaces(5) without one interface: its stanzas go, and its name in lists; and the options that went."""
    kept: list[str] = []
    dropped: list[str] = []
    inside = False
    for line in text.splitlines():
        words = line.split()
        first = words[0] if words else ""
        if first in _STANZAS or first.startswith("allow-"):
            inside = first == "iface" and words[1:2] == [name]
            if not inside and (first == "auto" or first.startswith("allow-")) and name in words[1:]:
                others = [word for word in words[1:] if word != name]
                if others:
                    kept.append(" ".join([first, *others]))
                continue
        if inside:
            if words and not first.startswith("#"):
                dropped.append(" ".join(words))
            continue
        kept.append(line)
    return "\n".join(kept) + "\n", [line for line in dropped if not line.startswith("iface ")]


def switch_script(uplink: Uplink, cards: tuple[str, ...], *, resolved: bool, firewall: bool) -> str:
    """Makes the running network follow the new files. Sessions outlive the moments without an address."""
    name = uplink.name
    lines = ["#!/bin/sh", "# Written by xeninstall bootstrap: the card goes under the bridge.", "set -u", f"cd {TRIAL} || exit 1"]
    match uplink.manager:
        case Manager.IFUPDOWN:
            # Not by ifdown, which would give the lease back and run down-scripts.
            lines += [
                f'for pid in /run/dhclient.{name}.pid /run/dhclient-{name}.pid; do [ ! -e "$pid" ] || kill "$(cat "$pid")"; done',
                f"! command -v dhcpcd >/dev/null || dhcpcd -x {name} || true",
                f"sed -i '/^{name}=/d;/^{name}$/d' /run/network/ifstate 2>/dev/null",
                f"rm -f /run/network/ifstate.{name}",
            ]
        case Manager.NETWORK_MANAGER:
            lines += ["systemctl reload NetworkManager.service", "sleep 2"]
        case _:
            pass
    lines += [
        "systemctl daemon-reload",
        "systemctl is-enabled -q systemd-networkd.service || systemctl enable systemd-networkd.service",
        "systemctl is-active -q systemd-networkd.service && networkctl reload || systemctl start systemd-networkd.service",
        f"tries=0; until ip link show dev {BRIDGE} >/dev/null 2>&1 || [ $tries -ge 30 ]; do sleep 1; tries=$((tries + 1)); done",
        *(f"networkctl reconfigure {card}" for card in cards),
        f"networkctl reconfigure {BRIDGE}",
    ]
    if uplink.name != BRIDGE:
        # Until the bridge has an address of its own, the card's old one may still carry a packet.
        lines += [
            f"tries=0; until ip -o address show dev {BRIDGE} scope global | grep -q inet || [ $tries -ge 60 ]; do",
            "    sleep 1; tries=$((tries + 1))",
            "done",
            *(f"ip address flush dev {card} scope global" for card in cards),
        ]
    if resolved:
        lines += ["systemctl restart systemd-resolved.service"]
    if firewall:
        lines += [f"nft -f {FIREWALL}"]
    lines += ["touch switched"]
    return "\n".join(lines) + "\n"


def way_back(uplink: Uplink, cards: tuple[str, ...], *, firewall: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What follows when the old files are back: in the running system, and at its next start before anything of the network."""
    name = uplink.name
    disabled = "[ -e networkd-was-enabled ] || systemctl disable systemd-networkd.service systemd-networkd.socket 2>/dev/null"
    stopped = "[ -e networkd-was-active ] || systemctl stop systemd-networkd.socket systemd-networkd.service"
    lines = [disabled, f"systemctl stop {SWITCH_SERVICE} 2>/dev/null", "systemctl daemon-reload", "networkctl reload"]
    if name != BRIDGE:
        lines += [
            *(f"ip link set dev {card} nomaster" for card in cards),
            'while read -r link; do ip link delete dev "$link"; done < made',
            f"ip address flush dev {name} scope global",
        ]
    match uplink.manager:
        case Manager.IFUPDOWN:
            lines += [stopped, f"ifup --force {name}"]
        case Manager.NETWORK_MANAGER:
            lines += [
                stopped,
                "systemctl reload NetworkManager.service",
                f"nmcli device set {name} managed yes",
                f"nmcli device connect {name}",
            ]
        case Manager.NETPLAN:
            lines += ["netplan generate", "networkctl reload", f"networkctl reconfigure {name}"]
        case _:
            lines += [f"networkctl reconfigure {name}"]
    if firewall:
        lines += ["nft -f ruleset"]
    at_boot = (disabled, "netplan generate") if uplink.manager is Manager.NETPLAN else (disabled,)
    return tuple(lines), at_boot
