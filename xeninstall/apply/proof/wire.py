"""The sockets of a proof, each bound to one interface, so that other networks of the machine cannot answer for it."""

import socket
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from .router import SOLICITATION

_IP = 0x0800  # ETH_P_IP
_OTHERHOST = 3  # PACKET_OTHERHOST: also what belongs to a VLAN that we are not in
_ALL_ROUTERS = "ff02::2"

Found = TypeVar("Found")
Understand = Callable[[bytes], Found | None]


class Wire(Protocol):
    """What a proof sends and hears; tests hand in a recorded one."""

    def broadcast(self, interface: str, packet: bytes, understand: Understand[Found], seconds: float) -> Found | None:
        """Send an IP packet to everybody; the first answer that is understood, or None. Zero seconds: wait for none."""

    def ask(self, interface: str, source: str, to: tuple[str, int], data: bytes, seconds: float) -> bytes | None:
        """Send a datagram from an own address; the answer, or None. Without interface and source, as the machine routes it."""

    def solicit(self, interface: str, seconds: float) -> tuple[bytes, str] | None:
        """Ask for IPv6 routers: an ICMPv6 message and who sent it, or None."""


class RealWire:
    """The machine's own sockets; needs root."""

    def broadcast(self, interface: str, packet: bytes, understand: Understand[Found], seconds: float) -> Found | None:
        """See Wire.broadcast. A packet socket, because before there is an address the IP layer would drop the answers."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP)) as link:
            link.bind((interface, _IP))
            for pause in _pauses(seconds):
                try:
                    link.sendto(packet, (interface, _IP, 0, 0, b"\xff" * 6))
                except OSError:
                    return None  # the link went away
                end = time.monotonic() + pause
                while (left := end - time.monotonic()) > 0:
                    link.settimeout(left)
                    try:
                        data, address = link.recvfrom(65535)
                    except OSError:
                        break
                    found = understand(data) if address[2] != _OTHERHOST else None
                    if found is not None:
                        return found
        return None

    def ask(self, interface: str, source: str, to: tuple[str, int], data: bytes, seconds: float) -> bytes | None:
        """See Wire.ask."""
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            try:
                if interface:
                    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
                    udp.bind((source, 0))
                udp.connect(to)
                udp.send(data)
                udp.settimeout(seconds)
                return udp.recv(65535)
            except OSError:
                return None  # no route, a port that is shut, or nobody there

    def solicit(self, interface: str, seconds: float) -> tuple[bytes, str] | None:
        """See Wire.solicit. Asked every second, since a fresh interface has no link-local address for the first one or two."""
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as icmp:
            icmp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # others are ignored (RFC 4861, 6.1.1)
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                heard = time.monotonic() + min(left, 1.0)
                try:
                    icmp.sendto(SOLICITATION, (_ALL_ROUTERS, 0, 0, socket.if_nametoindex(interface)))
                except OSError:
                    time.sleep(max(min(heard - time.monotonic(), 0.5), 0))
                    continue
                while (left := heard - time.monotonic()) > 0:
                    icmp.settimeout(left)
                    try:
                        data, address = icmp.recvfrom(65535)
                    except OSError:
                        break
                    sender = str(address[0]).partition("%")[0]
                    # Hosts take the word of link-local senders only (RFC 4861, 6.1.2).
                    if data[:1] == b"\x86" and sender.startswith("fe80"):
                        return data, sender
        return None


def _pauses(seconds: float) -> list[float]:
    """How long to listen after each sending: longer each time, as RFC 2131 4.1 wants, `seconds` in all."""
    return [seconds * part / 7 for part in (1, 2, 4)] if seconds else [0.0]
