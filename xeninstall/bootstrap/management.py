"""The bridge xenbr0 by the answers, and where they leave an address out, by what this host has now."""

from dataclasses import dataclass

from xeninstall.answers.model import Ipv4, Ipv4Method, Ipv6, Ipv6Method, Network
from xeninstall.plan import network
from xeninstall.plan.model import MakeLink, WriteFile
from xeninstall.plan.wanted import Host

from .uplink import Family, Uplink

_DIRECTORY = "/etc/systemd/network/"
# Files of ours have to be found before those that the system has for the same card.
FIRST = "00-xeninstall-"


@dataclass(frozen=True)
class Effective:
    """The network that results, and what goes beyond the answers' words for it, as a drop-in of the bridge's file."""

    network: Network
    beyond: tuple[str, ...]


def effective(wanted: Network, kept: Uplink | None, *, dns_kept: bool) -> Effective:
    """Fill each family that the answers leave out with what `kept` has."""
    given = wanted.model_fields_set
    changes: dict[str, object] = {}
    lines: list[str] = []
    sections: list[str] = []
    if kept is not None:
        if "ipv4" not in given:
            changes["ipv4"] = _ipv4(kept.ipv4)
            lines += [f"Address={address}" for address in kept.ipv4.addresses[1:]]
            sections += _routes(kept.ipv4)
            if kept.ipv4.automatic:
                # What was given back may be given to another, or be found in use: the card still has it while the bridge asks.
                sections += ["", "[DHCPv4]", "SendRelease=no", *(kept.client or ())]
        if "ipv6" not in given:
            changes["ipv6"] = _ipv6(kept.ipv6)
            lines += [f"Address={address}" for address in kept.ipv6.addresses[1:]]
            lines += ["LinkLocalAddressing=ipv6"] if kept.link_local else []
            sections += _routes(kept.ipv6)
        if "mtu" not in given and kept.mtu != 1500 and 1280 <= kept.mtu <= 9216:
            changes["mtu"] = kept.mtu
        if dns_kept and not kept.ipv4.automatic and not kept.ipv6.automatic:
            lines += [f"DNS={server}" for server in kept.dns]
            lines += [f"Domains={' '.join(kept.search)}"] if kept.search else []
    beyond = (*(["[Network]", *lines] if lines else []), *sections)
    return Effective(wanted.model_copy(update=changes), beyond)


def files(host: Host, beyond: tuple[str, ...]) -> tuple[WriteFile | MakeLink, ...]:
    """systemd-networkd's files as on an installed host, under names that come first."""
    out: list[WriteFile | MakeLink] = []
    for action in network.actions(host):
        assert isinstance(action, WriteFile | MakeLink)
        if action.path.startswith(_DIRECTORY):
            name = action.path.removeprefix(_DIRECTORY)
            action = action.model_copy(update={"path": f"{_DIRECTORY}{FIRST}{name}"})
        out.append(action)
    if beyond:
        path = f"{_DIRECTORY}{FIRST}30-{network.BRIDGE}.network.d/kept.conf"
        head = "# Written by xeninstall: what the answers leave out, as it was before.\n"
        out.append(WriteFile(path=path, text=head + "\n".join(beyond).lstrip("\n") + "\n"))
    return tuple(out)


# What a running system has is not judged as an answer would be: it works.
def _ipv4(family: Family) -> Ipv4:
    if family.automatic:
        return Ipv4.model_construct(method=Ipv4Method.DHCP)
    if not family.addresses:
        return Ipv4.model_construct(method=Ipv4Method.NONE)
    return Ipv4.model_construct(method=Ipv4Method.STATIC, address=family.addresses[0])


def _ipv6(family: Family) -> Ipv6:
    if family.automatic:
        return Ipv6.model_construct(method=Ipv6Method.AUTO)
    if not family.addresses:
        return Ipv6.model_construct(method=Ipv6Method.NONE)
    return Ipv6.model_construct(method=Ipv6Method.STATIC, address=family.addresses[0])


def _routes(family: Family) -> list[str]:
    # Here and not in the answers' words, which want a gateway inside of the subnet: rented servers often have it elsewhere.
    out = ["", "[Route]", f"Gateway={family.gateway}", "GatewayOnLink=yes"] if family.gateway else []
    for destination, gateway in family.routes:
        out += ["", "[Route]", f"Destination={destination}"]
        out += [f"Gateway={gateway}", "GatewayOnLink=yes"] if gateway else ["Scope=link"]
    return out
