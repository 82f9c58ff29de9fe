"""A DHCP server's answers (RFC 2131), as values: what a request gets, and the packet that carries it."""

import socket
import struct
from dataclasses import dataclass

_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5


@dataclass(frozen=True)
class Lease:
    """What every client of this network is told."""

    address: str
    server: str  # also the router
    dns: str
    ntp: str
    domain: str
    mask: str = "255.255.255.0"


def reply(packet: bytes, lease: Lease) -> bytes | None:
    """The IPv4 packet that answers a client's one, or None when that is no DISCOVER and no REQUEST."""
    head = (packet[0] & 0xF) * 4
    if packet[9] != 17 or struct.unpack_from(">H", packet, head + 2)[0] != 67:
        return None
    asked = packet[head + 8 :]
    answer = {_DISCOVER: _OFFER, _REQUEST: _ACK}.get(_options(asked[240:]).get(53, b"\0")[0])
    if answer is None or asked[236:240] != _COOKIE:
        return None
    address, server = socket.inet_aton(lease.address), socket.inet_aton(lease.server)
    # Broadcast flag and the client's transaction and hardware address are given back.
    fixed = b"\x02\x01\x06\x00" + asked[4:8] + b"\0\0" + asked[10:12] + bytes(4) + address + server + bytes(4) + asked[28:44]
    options = (
        (53, bytes([answer])),
        (54, server),
        (51, struct.pack(">I", 86400)),
        (1, socket.inet_aton(lease.mask)),
        (3, server),
        (6, socket.inet_aton(lease.dns)),
        (42, socket.inet_aton(lease.ntp)),
        (15, lease.domain.encode()),
    )
    body = fixed + bytes(192) + _COOKIE + b"".join(bytes([code, len(value)]) + value for code, value in options) + b"\xff"
    udp = struct.pack(">HHHH", 67, 68, 8 + len(body), 0) + body
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, server, b"\xff\xff\xff\xff")
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + udp


def _options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
