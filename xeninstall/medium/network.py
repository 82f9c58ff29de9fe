"""The running medium's own network by answers, where every card asking for an address is not enough: a static address, a VLAN,
a bond. The files lie in /run, so nothing of them outlives this boot.
"""

import logging
from pathlib import Path

from xeninstall.answers.model import BondMode, Dns, DnsMode, Ipv4Method, Ipv6Method, Network
from xeninstall.apply.proof.prove import interfaces
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine

log = logging.getLogger("xeninstall.medium")

FOLDER = Path("/run/systemd/network")
_PREFIX = "60-answers-"  # before the medium's 80-live.network, and before what ip= on the kernel's command line makes
_ONLINE_SECONDS = 30


def units(network: Network, dns: Dns, machine: Machine) -> dict[str, str]:
    """systemd-networkd's files by name; none where the answers say no more than the medium does by itself."""
    if network == Network() and dns == Dns():
        return {}
    cards = interfaces(network, machine)
    if not cards:
        raise Error("this machine has no network card that the answers mean", hint="name another, or load its driver")
    made: dict[str, str] = {}
    attach = _addresses(network, dns)
    if network.vlan is not None:
        name = f"vlan{network.vlan}"
        made[f"{name}.netdev"] = f"[NetDev]\nName={name}\nKind=vlan\n\n[VLAN]\nId={network.vlan}\n"
        made[f"{name}.network"] = _file(name, network, attach)
        attach = f"VLAN={name}\nLinkLocalAddressing=no"
    if network.bond is not None:
        made["bond0.netdev"] = f"[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode={network.bond.mode}\nMIIMonitorSec=100ms\n" + (
            "LACPTransmitRate=fast\n" if network.bond.mode is BondMode.LACP else ""
        )
        made["bond0.network"] = _file("bond0", network, attach)
        attach = "Bond=bond0"
    return made | {f"{card}.network": _file(card, network, attach) for card in cards}


def use(network: Network, dns: Dns, machine: Machine, runner: Runner, folder: Path = FOLDER) -> None:
    """Have the network that the answers describe, and wait until it is there. Raises Error."""
    wanted = units(network, dns, machine)
    there = {path.name: path.read_text() for path in folder.glob(f"{_PREFIX}*")} if folder.is_dir() else {}
    if there == {f"{_PREFIX}{name}": text for name, text in wanted.items()}:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in there:
        (folder / name).unlink()
    for name, text in wanted.items():
        (folder / f"{_PREFIX}{name}").write_text(text)
    runner.run(["networkctl", "reload"])
    carrying = _carrying(network, machine)
    runner.run(["networkctl", "reconfigure", *interfaces(network, machine)], check=False)
    if not carrying:
        return
    waited = ["/usr/lib/systemd/systemd-networkd-wait-online", f"--interface={carrying}", f"--timeout={_ONLINE_SECONDS}"]
    if runner.run(waited, check=False).status != 0:
        log.warning("no address on %s within %d s", carrying, _ONLINE_SECONDS)
        raise Error(
            f"{carrying} has no address after {_ONLINE_SECONDS} s", hint="look at the cable, the VLAN and the addresses given"
        )


def _carrying(network: Network, machine: Machine) -> str:
    """What has the addresses in the end."""
    cards = interfaces(network, machine)
    return f"vlan{network.vlan}" if network.vlan is not None else "bond0" if network.bond is not None else (*cards, "")[0]


def _file(name: str, network: Network, attach: str) -> str:
    link = f"[Link]\nMTUBytes={network.mtu}\n\n" if network.mtu else ""
    return f"[Match]\nName={name}\n\n{link}[Network]\n{attach}\n"


def _addresses(network: Network, dns: Dns) -> str:
    ipv4, ipv6 = network.ipv4, network.ipv6
    lines = [f"DHCP={'ipv4' if ipv4.method is Ipv4Method.DHCP else 'no'}"]
    lines.append("LinkLocalAddressing=" + ("no" if ipv6.method is Ipv6Method.NONE else "ipv6"))
    lines.append(f"IPv6AcceptRA={'yes' if ipv6.method is Ipv6Method.AUTO else 'no'}")
    for way in (ipv4, ipv6):
        lines += [f"Address={way.address}"] if way.address else []
        lines += [f"Gateway={way.gateway}"] if way.gateway else []
    if dns.mode is DnsMode.SERVERS:
        lines += [f"DNS={server}" for server in dns.servers]
    lines += [f"Domains={' '.join(dns.search)}"] if dns.search else []
    return "\n".join(lines)
