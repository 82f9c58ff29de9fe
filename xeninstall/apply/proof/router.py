"""Router advertisements as bytes (RFC 4861 4.2, RFC 8106 5.1): the question, and what an IPv6 router says of its network."""

import ipaddress
import struct
from dataclasses import dataclass

SOLICITATION = struct.pack("!BBHI", 133, 0, 0, 0)  # the kernel fills in the checksum


@dataclass(frozen=True)
class Advertisement:
    """One router's word."""

    router: str  # its link-local address
    is_default: bool  # it forwards to the world
    managed: bool  # addresses come from DHCPv6
    prefixes: tuple[str, ...] = ()  # those from which a host makes its own address
    dns: tuple[str, ...] = ()


def advertisement(data: bytes, router: str) -> Advertisement | None:
    """What an ICMPv6 message says; None for one that is no advertisement."""
    if len(data) < 16 or data[0] != 134:
        return None
    prefixes: list[str] = []
    servers: list[str] = []
    rest = data[16:]
    while len(rest) >= 8 and rest[1]:
        option, rest = rest[: rest[1] * 8], rest[rest[1] * 8 :]
        if option[0] == 3 and len(option) == 32 and option[3] & 0x40 and option[2] == 64:
            prefixes.append(f"{ipaddress.IPv6Address(option[16:32])}/64")
        elif option[0] == 25 and len(option) >= 24:
            ends = range(24, len(option) + 1, 16)
            servers += [str(ipaddress.IPv6Address(option[end - 16 : end])) for end in ends]
    lifetime = struct.unpack("!H", data[6:8])[0]
    return Advertisement(router, lifetime > 0, bool(data[5] & 0x80), tuple(prefixes), tuple(servers))


def own_address(prefix: str, mac: str) -> str:
    """The address that a card makes for itself from a /64 (RFC 4291, appendix A)."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    identifier = int.from_bytes(octets[:3] + b"\xff\xfe" + octets[3:], "big")
    return str(ipaddress.IPv6Network(prefix)[identifier])
