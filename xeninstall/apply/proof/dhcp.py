"""DHCP as bytes (RFC 2131, options of RFC 2132): a client's three messages inside IP and UDP, and what a server answers."""

import ipaddress
import struct
from dataclasses import dataclass, field
from enum import IntEnum

from .results import Standing

_COOKIE = b"\x63\x82\x53\x63"
_FIXED_BYTES = 236  # of BOOTP, before the cookie
_MASK, _ROUTER, _DNS, _DOMAIN, _ADDRESS, _LEASE, _KIND, _SERVER, _ASKED, _MOST, _CLIENT = 1, 3, 6, 15, 50, 51, 53, 54, 55, 57, 61
_NTP = 42
_BROADCAST = 0x8000  # we have no address that an answer could be sent to


class Kind(IntEnum):
    """Message types, option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    ACK = 5
    NAK = 6
    RELEASE = 7


@dataclass(frozen=True)
class Reply:
    """What a server said."""

    kind: Kind
    standing: Standing = field(default_factory=lambda: Standing("", 0))


def message(kind: Kind, mac: str, xid: int, offer: Standing | None = None) -> bytes:
    """A client's message. The client id is the MAC address, as the installed host uses it, so that it gets the same lease."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    mine = _packed(offer.address) if offer and kind is Kind.RELEASE else bytes(4)
    flags = 0 if kind is Kind.RELEASE else _BROADCAST
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, xid, 0, flags, mine, b"", b"", b"", hardware, b"", b"")
    options = [(_KIND, bytes([kind])), (_CLIENT, b"\x01" + hardware)]
    if offer is not None:
        options.append((_SERVER, _packed(offer.server)))
    if offer is not None and kind is Kind.REQUEST:
        options.append((_ADDRESS, _packed(offer.address)))
    if kind is not Kind.RELEASE:
        options += [(_ASKED, bytes([_MASK, _ROUTER, _DNS, _DOMAIN, _LEASE, _NTP])), (_MOST, struct.pack("!H", 1500))]
    written = b"".join(bytes([code, len(value)]) + value for code, value in options)
    # Servers of old drop messages shorter than BOOTP's 300 bytes.
    return (fixed + _COOKIE + written + b"\xff").ljust(300, b"\0")


def broadcast(payload: bytes) -> bytes:
    """The IP packet that brings a message to every server, from no address."""
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0)  # no checksum, which IPv4 allows
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0x10, 28 + len(payload), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp + payload


def reply(packet: bytes, xid: int, mac: str) -> Reply | None:
    """A server's answer to us in an IP packet; None for everything else that passes by, and for what is cut or malformed."""
    start = (packet[0] & 15) * 4 if packet else 0
    bootp = packet[start + 8 :]
    if start < 20 or packet[9:10] != b"\x11" or len(bootp) < _FIXED_BYTES + 4 or packet[start + 2 : start + 4] != b"\x00\x44":
        return None
    hardware = bytes.fromhex(mac.replace(":", ""))
    if bootp[0] != 2 or bootp[4:8] != struct.pack("!I", xid) or bootp[28:34] != hardware or bootp[236:240] != _COOKIE:
        return None
    options = _options(bootp[240:])
    kind = options.get(_KIND, b"")
    if len(kind) != 1 or kind[0] not in (Kind.OFFER, Kind.ACK, Kind.NAK):
        return None
    if kind[0] == Kind.NAK:
        return Reply(Kind.NAK)
    mask = options.get(_MASK, b"\xff\xff\xff\x00")
    standing = Standing(
        address=str(ipaddress.IPv4Address(bootp[16:20])),
        prefix=int.from_bytes(mask, "big").bit_count(),
        gateway=next(iter(_addresses(options.get(_ROUTER, b""))), ""),
        dns=_addresses(options.get(_DNS, b"")),
        ntp=_addresses(options.get(_NTP, b"")),
        server=next(iter(_addresses(options.get(_SERVER, b""))), ""),
        domain="".join(char for char in options.get(_DOMAIN, b"").decode("ascii", "ignore") if char.isalnum() or char in "-._"),
        seconds=int.from_bytes(options.get(_LEASE, b""), "big"),
    )
    usable = standing.address != "0.0.0.0" and standing.server and standing.prefix <= 32
    return Reply(Kind(kind[0]), standing) if usable else None


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data and data[0] != 255:
        if data[0] == 0:
            data = data[1:]
            continue
        length = data[1] if len(data) > 1 else 0
        found[data[0]] = found.get(data[0], b"") + data[2 : 2 + length]  # long ones come in parts (RFC 3396)
        data = data[2 + length :]
    return found


def _addresses(data: bytes) -> tuple[str, ...]:
    whole = len(data) - len(data) % 4
    return tuple(str(ipaddress.IPv4Address(data[place : place + 4])) for place in range(0, whole, 4))


def _packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
