"""The management network: link, addresses, name resolution and what the firewall lets in."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .fields import Address, Domain, Gateway4, Gateway6, Interface4, Interface6, Like, Nic, NicOrAuto, Section

_Port = Annotated[
    str,
    Like(
        r"(tcp|udp)/([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])",
        "a port to open",
        "write it like tcp/5900, with a port from 1 to 65535",
    ),
]


class BondMode(StrEnum):
    """How several NICs work as one."""

    LACP = "802.3ad"
    ACTIVE_BACKUP = "active-backup"


class Bond(Section):
    """Several NICs as one management link."""

    mode: BondMode = Field(BondMode.ACTIVE_BACKUP, description="802.3ad (LACP, the switch must agree) or active-backup.")
    members: tuple[Nic, ...] = Field(min_length=2, max_length=8, description="Two to eight NICs, by name or MAC address.")


class Ipv4Method(StrEnum):
    """Where the IPv4 address comes from."""

    DHCP = "dhcp"
    STATIC = "static"
    NONE = "none"


class Ipv4(Section):
    """IPv4 on the management bridge."""

    method: Ipv4Method = Field(Ipv4Method.DHCP, description="dhcp, static or none.")
    address: Interface4 | None = Field(None, description="Address with prefix, such as 192.0.2.10/24 (static).")
    gateway: Gateway4 | None = Field(None, description="Default gateway, inside the subnet (static).")


class Ipv6Method(StrEnum):
    """Where the IPv6 address comes from."""

    AUTO = "auto"
    STATIC = "static"
    NONE = "none"


class Ipv6(Section):
    """IPv6 on the management bridge."""

    method: Ipv6Method = Field(Ipv6Method.AUTO, description="auto (router advertisements, DHCPv6), static or none.")
    address: Interface6 | None = Field(None, description="Address with prefix, such as 2001:db8::10/64 (static).")
    gateway: Gateway6 | None = Field(None, description="Default gateway, inside the subnet or link-local (static).")


class Network(Section):
    """The management network: one NIC or a bond, perhaps a VLAN, under the bridge xenbr0."""

    nic: NicOrAuto = Field(
        "auto", description="Management NIC by name or MAC address; auto takes the one with the default route or a link."
    )
    bond: Bond | None = Field(None, description="A bond of several NICs instead of `nic`.")
    vlan: Annotated[int, Field(ge=1, le=4094, strict=True)] | None = Field(
        None, description="VLAN id of the management network, 1 to 4094; untagged when left out."
    )
    mtu: Annotated[int, Field(ge=1280, le=9216, strict=True)] | None = Field(
        None, description="MTU of NIC, bond, VLAN and bridge, 1280 to 9216; 1500 when left out."
    )
    ipv4: Ipv4 = Field(Ipv4(), description="IPv4 settings.")
    ipv6: Ipv6 = Field(Ipv6(), description="IPv6 settings.")


class DnsMode(StrEnum):
    """Who answers this host's DNS questions."""

    DHCP = "dhcp"
    SERVERS = "servers"
    SERVE = "serve"


class Dns(Section):
    """Name resolution."""

    mode: DnsMode = Field(
        DnsMode.DHCP,
        description="dhcp: servers from DHCP or router advertisements. servers: those given. "
        "serve: this host runs a DNS server (dnsmasq) on its management address and asks the forwarders.",
    )
    servers: tuple[Address, ...] = Field((), max_length=8, description="DNS servers' addresses (mode servers).")
    forwarders: tuple[Address, ...] = Field(
        (), max_length=8, description="Where the served DNS sends what it does not know (mode serve)."
    )
    search: tuple[Domain, ...] = Field((), max_length=6, description="Search domains.")


class Firewall(Section):
    """nftables lets in SSH and what stands here."""

    open: tuple[_Port, ...] = Field((), max_length=100, description="Further ports to let in, such as tcp/5900.")
