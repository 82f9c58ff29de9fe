"""The rules that span more than one key, as a table: each says which keys it reads and yields what is wrong with them.

A rule runs only where the keys that it reads are valid by themselves, so that one mistake is reported once.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from xeninstall.base.sizes import GIB, MIB, format_size

from .breach import Breach, Location, Rule, repeated
from .convert import Convert
from .convert_rules import CONVERT_RULES
from .disks import DiskSelector, StorageType
from .finish import After
from .host import NtpMode
from .network import DnsMode, Ipv4Method, Ipv6Method
from .sections import Flow, Sections

SYSTEM_SIZE_MINIMUM_BYTES = 8 * GIB
DOM0_MEMORY_MINIMUM_BYTES = 512 * MIB


def breaches(sections: Sections, broken: Sequence[Location] = ()) -> list[Breach]:
    """Every broken rule; `broken` are places whose values are not the user's, since what stood there was refused."""
    near = _Near(broken)
    found: list[Breach] = []
    flow = () if near(("flow",)) else CONVERT_RULES if sections.flow is Flow.CONVERT else RULES
    for rule, *reads in (*flow, *NETWORK_RULES):
        if not any(near(tuple(key.split("."))) for key in reads):
            found += [breach for breach in rule(sections) if not near(breach.location)]
    return found


class _Near:
    """Whether a place lies in, on or above one of the broken places."""

    def __init__(self, broken: Sequence[Location]) -> None:
        self._broken = set(broken)
        self._above = {place[:length] for place in broken for length in range(1, len(place) + 1)}

    def __call__(self, place: Location) -> bool:
        return place in self._above or any(place[:length] in self._broken for length in range(1, len(place)))


def _ipv4(sections: Sections) -> Iterator[Breach]:
    ipv4 = sections.network.ipv4
    yield from _addressing(("network", "ipv4"), ipv4.method.value, ipv4.address, ipv4.gateway, example="192.0.2.10/24")


def _ipv6(sections: Sections) -> Iterator[Breach]:
    ipv6 = sections.network.ipv6
    yield from _addressing(("network", "ipv6"), ipv6.method.value, ipv6.address, ipv6.gateway, example="2001:db8::10/64")


def _addressing(at: Location, method: str, address: str | None, gateway: str | None, *, example: str) -> Iterator[Breach]:
    if method != "static":
        for key, value in (("address", address), ("gateway", gateway)):
            if value is not None:
                yield Breach((*at, key), f"given although the method is {method}", 'set method = "static", or leave it out')
    elif address is None:
        yield Breach((*at, "address"), "missing, and the method static needs it", f'write address = "{example}"')
    elif gateway is not None:
        interface, door = ipaddress.ip_interface(address), ipaddress.ip_address(gateway)
        if door == interface.ip:
            yield Breach((*at, "gateway"), f"{gateway} is this host's own address", "give the router's address")
        elif door.is_link_local and door.version == 6:
            return
        elif door not in interface.network:
            yield Breach(
                (*at, "gateway"),
                f"{gateway} is outside the subnet {interface.network}",
                "give a gateway inside it, or correct the address or its prefix",
            )
        elif (
            door.version == 4
            and interface.network.prefixlen < 31
            and door
            in (
                interface.network.network_address,
                interface.network.broadcast_address,
            )
        ):
            what = f"{gateway} is the network or broadcast address of {interface.network}"
            yield Breach((*at, "gateway"), what, "give the router's address")


def _some_address(sections: Sections) -> Iterator[Breach]:
    network = sections.network
    if network.ipv4.method is Ipv4Method.NONE and network.ipv6.method is Ipv6Method.NONE:
        yield Breach(
            ("network", "ipv6", "method"),
            "none, like network.ipv4.method: nobody could reach the host",
            "give the host an address by one of them",
        )


def _nic_or_bond(sections: Sections) -> Iterator[Breach]:
    network = sections.network
    if network.bond is not None and network.nic != "auto":
        yield Breach(("network", "nic"), "given together with network.bond", "name the NICs in network.bond.members alone")


def _bond_members(sections: Sections) -> Iterator[Breach]:
    if sections.network.bond is not None:
        yield from repeated(("network", "bond", "members"), sections.network.bond.members)


def _one_selector(sections: Sections) -> Iterator[Breach]:
    for at, selector in _selectors(sections):
        given = [key for key in ("serial", "wwn", "path", "match") if getattr(selector, key) is not None]
        for key in given[1:]:
            yield Breach((*at, key), f"the disk is named by {given[0]} already", "keep one of the two")
        if not given and at != ("disk",):
            yield Breach(at, "names no disk", "give its serial, wwn, path or match")


def _selectors(sections: Sections) -> Iterator[tuple[Location, DiskSelector]]:
    yield ("disk",), sections.disk
    if sections.disk.mirror is not None:
        yield ("disk", "mirror"), sections.disk.mirror
    for index, extra in enumerate(sections.storage.extra_disks):
        yield ("storage", "extra_disks", index), extra


def _different_disks(sections: Sections) -> Iterator[Breach]:
    # Equal match rules are fine: the planner takes for each only from the disks that are left.
    taken: dict[tuple[str, str], str] = {}
    for at, selector in _selectors(sections):
        for key in ("serial", "wwn", "path"):
            value = getattr(selector, key)
            if value is None:
                continue
            name = (key, value.lower().removeprefix("0x") if key == "wwn" else value)
            if name in taken:
                yield Breach((*at, key), f"{value} is {taken[name]} already", "name another disk")
            taken.setdefault(name, {1: "the system disk", 2: "the mirror's disk"}.get(len(at), "an extra disk"))


def _match_sizes(sections: Sections) -> Iterator[Breach]:
    for at, selector in _selectors(sections):
        match = selector.match
        if match and match.min_size is not None and match.max_size is not None and match.min_size > match.max_size:
            yield Breach((*at, "match", "max_size"), "smaller than min_size: no disk can match", "exchange or correct them")


def _extra_disks(sections: Sections) -> Iterator[Breach]:
    for index, extra in enumerate(sections.storage.extra_disks):
        if not extra.erase:
            yield Breach(
                ("storage", "extra_disks", index, "erase"),
                "not true, and everything on this disk would be destroyed",
                "write erase = true if that is meant, or leave the disk out",
            )


def _extra_disks_with_thin(sections: Sections) -> Iterator[Breach]:
    if sections.storage.extra_disks and sections.storage.type is not StorageType.THIN:
        yield Breach(
            ("storage", "extra_disks"), "extra disks work with type thin only", 'set storage.type = "thin", or leave them out'
        )


def _system_size(sections: Sections) -> Iterator[Breach]:
    size = sections.disk.system_size
    if size is not None and size < SYSTEM_SIZE_MINIMUM_BYTES:
        yield Breach(("disk", "system_size"), f"{format_size(size)} is too small for the system", "give at least 8G")


def _dom0_memory(sections: Sections) -> Iterator[Breach]:
    memory = sections.xen.dom0_memory
    if memory != "auto" and memory < DOM0_MEMORY_MINIMUM_BYTES:
        yield Breach(("xen", "dom0_memory"), f"{format_size(memory)} is too little for dom0", 'give at least "512M"')


def _package_sets(sections: Sections) -> Iterator[Breach]:
    yield from repeated(("packages", "sets"), sections.packages.sets)


def _packs(sections: Sections) -> Iterator[Breach]:
    sources = [pack.source for pack in sections.packs]
    for breach in repeated(("packs",), sources):
        yield Breach((*breach.location, "source"), breach.what, breach.remedy)


def _convert_without_its_flow(sections: Sections) -> Iterator[Breach]:
    """Whoever wrote it did not mean to install, which would erase a disk."""
    if sections.convert != Convert():
        what = f"given although the flow is {sections.flow.value}"
        yield Breach(("convert",), what, 'write flow = "convert" above the first table')


def _firewall_ports(sections: Sections) -> Iterator[Breach]:
    yield from repeated(("firewall", "open"), sections.firewall.open)


def _dns_lists(sections: Sections) -> Iterator[Breach]:
    dns = sections.dns
    wanted = {DnsMode.DHCP: "", DnsMode.SERVERS: "servers", DnsMode.SERVE: "forwarders"}[dns.mode]
    for key, values, mode in (("servers", dns.servers, "servers"), ("forwarders", dns.forwarders, "serve")):
        if key == wanted and not values:
            yield Breach(("dns", key), f"missing, and the mode {dns.mode.value} needs it", f'write {key} = ["192.0.2.53"]')
        elif key != wanted and values:
            yield Breach(
                ("dns", key), f"given although the mode is {dns.mode.value}", f'set dns.mode = "{mode}", or leave it out'
            )


def _dns_from_somewhere(sections: Sections) -> Iterator[Breach]:
    if sections.flow is Flow.BOOTSTRAP and "mode" not in sections.dns.model_fields_set:
        return  # the running system's DNS servers stay
    ipv4, ipv6 = sections.network.ipv4.method, sections.network.ipv6.method
    told = ipv4 is Ipv4Method.DHCP or ipv6 is Ipv6Method.AUTO
    static = ipv4 is Ipv4Method.STATIC or ipv6 is Ipv6Method.STATIC
    if sections.dns.mode is DnsMode.DHCP and static and not told:
        what = "dhcp, but with static addresses nobody tells this host its DNS servers"
        yield Breach(("dns", "mode"), what, 'set dns.mode = "servers" and dns.servers')


def _dns_loop(sections: Sections) -> Iterator[Breach]:
    own = {
        str(ipaddress.ip_interface(address).ip)
        for address in (sections.network.ipv4.address, sections.network.ipv6.address)
        if address is not None
    }
    for index, forwarder in enumerate(sections.dns.forwarders):
        if forwarder in own:
            yield Breach(("dns", "forwarders", index), f"{forwarder} is this host itself", "give a DNS server elsewhere")


def _ntp(sections: Sections) -> Iterator[Breach]:
    time = sections.time
    if time.ntp is NtpMode.SERVERS and not time.servers:
        yield Breach(("time", "servers"), "missing, and ntp servers needs it", 'write servers = ["ntp.example.org"]')
    if time.ntp is not NtpMode.SERVERS and time.servers:
        yield Breach(("time", "servers"), f"given although ntp is {time.ntp.value}", 'set ntp = "servers", or leave it out')


def _clock(sections: Sections) -> Iterator[Breach]:
    if sections.time.clock is not None and sections.time.ntp is not NtpMode.NONE:
        yield Breach(("time", "clock"), f"given although ntp is {sections.time.ntp.value}", 'set ntp = "none", or leave it out')


def _one_password(sections: Sections) -> Iterator[Breach]:
    given = _password_keys(sections)
    for key in given[1:]:
        yield Breach(("root", key), f"given together with {given[0]}", "keep one of them")


def _some_login(sections: Sections) -> Iterator[Breach]:
    root = sections.root
    if root.ssh_keys or sections.flow is Flow.BOOTSTRAP:
        return  # whoever can log in to a running system still can
    if not _password_keys(sections):
        yield Breach(("root",), "nobody could log in", "give password_hash, password_file, password_stdin or ssh_keys")
    elif root.password_hash is not None and root.password_hash.get_secret_value() == "!":
        yield Breach(("root", "password_hash"), "! lets nobody log in by password", "give ssh_keys too, or a password")


def _password_keys(sections: Sections) -> list[str]:
    root = sections.root
    given = {
        "password_hash": root.password_hash is not None,
        "password_file": root.password_file is not None,
        "password_stdin": root.password_stdin,
    }
    return [key for key, is_given in given.items() if is_given]


# What says nothing about a system that runs already: its disks are laid out, its kernel is its own, its clock goes.
_NOT_FOR_BOOTSTRAP: tuple[tuple[str, str], ...] = (
    ("disk", ""),
    ("storage", ""),
    ("packs", ""),
    ("hardware", "accept_secure_boot"),
    ("time", "clock"),
    ("hooks", "before_disk"),
)


def _bootstrap(sections: Sections) -> Iterator[Breach]:
    if sections.flow is not Flow.BOOTSTRAP:
        return
    what, remedy = "given although flow is bootstrap, which has no use for it", "leave it out"
    for table, key in _NOT_FOR_BOOTSTRAP:
        value = getattr(sections, table)
        if isinstance(value, tuple):
            yield from (Breach((table, index), what, remedy) for index in range(len(value)))
        else:
            names = [key] if key else list(type(value).model_fields)
            given = [name for name in names if name in value.model_fields_set and getattr(value, name) is not None]
            yield from (Breach((table, name), what, remedy) for name in given)
    if sections.finish.after is After.POWEROFF:
        yield Breach(("finish", "after"), "poweroff, but a running server is not switched off", "write reboot or stay")


# Each rule, and the keys whose validity it stands on; a rule about the key that it names itself needs no entry.
RULES: tuple[tuple[Rule, *tuple[str, ...]], ...] = (
    (_one_selector,),
    (_different_disks,),
    (_match_sizes,),
    (_system_size,),
    (_extra_disks,),
    (_extra_disks_with_thin, "storage.type"),
    (_package_sets, "packages.sets"),
    (_packs,),
    (_one_password,),
    (_some_login, "root", "flow"),
    (_ntp, "time.ntp"),
    (_clock, "time.ntp"),
    (_dom0_memory,),
    (_firewall_ports, "firewall.open"),
    (_bootstrap, "flow"),
    (_convert_without_its_flow, "flow"),
    (_dns_from_somewhere, "dns.mode", "network.ipv4.method", "network.ipv6.method", "flow"),
)

# Those of every flow.
NETWORK_RULES: tuple[tuple[Rule, *tuple[str, ...]], ...] = (
    (_nic_or_bond, "network.nic"),
    (_bond_members, "network.bond.members"),
    (_ipv4, "network.ipv4"),
    (_ipv6, "network.ipv6"),
    (_some_address, "network.ipv4.method", "network.ipv6.method"),
    (_dns_lists, "dns.mode"),
    (_dns_loop,),
)
