"""The other end of a machine's network cables: a switch that speaks LACP, and behind it a gateway on one VLAN.

Every frame is a datagram on a unix socket (see qemu.WireNet). The gateway answers ARP, ping and DHCP, in the VLAN that it
is in; the switch joins its ports to one aggregate with whoever sends LACPDUs (IEEE 802.1AX-2020, 6.4.2), and keeps count of all.
"""

import collections
import contextlib
import select
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from .dhcp import Lease, reply
from .qemu import WireNet

GATEWAY_MAC = bytes.fromhex("525400aa0001")
SWITCH_MAC = bytes.fromhex("525400bb0001")
_SLOW_PROTOCOLS = bytes.fromhex("0180c2000002")
# Active, short timeout, aggregatable, in sync, collecting, distributing.
_STATE = 0x3F


class Switch:
    """`cables` are what a Machine gets as its NICs. `seen` counts frames by (port, VLAN id or 0, EtherType)."""

    def __init__(self, place: Path, macs: list[str], gateway: str, vlan: int, lease: Lease | None) -> None:
        self.cables = [WireNet(mac, place / f"nic{port}", place / f"port{port}") for port, mac in enumerate(macs)]
        self.seen: collections.Counter[tuple[int, int, int]] = collections.Counter()
        self.unplugged: set[int] = set()
        self._address, self._vlan, self._lease = socket.inet_aton(gateway), vlan, lease
        self._ports = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in macs]
        for port, cable in zip(self._ports, self.cables, strict=True):
            port.bind(str(cable.there))
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="switch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pull all cables."""
        self._stop.send(b"x")
        self._thread.join(10)
        for port in (*self._ports, self._stop, self._stopped):
            port.close()

    def _work(self) -> None:
        while True:
            ready = select.select([*self._ports, self._stopped], [], [])[0]
            if self._stopped in ready:
                return
            for port, wire in enumerate(self._ports):
                if wire in ready:
                    frame = wire.recv(65536)
                    if port not in self.unplugged:
                        self._take(port, frame)

    def _take(self, port: int, frame: bytes) -> None:
        kind, vlan, at = struct.unpack_from(">H", frame, 12)[0], 0, 14
        if kind == 0x8100:
            tag, kind = struct.unpack_from(">HH", frame, 14)
            vlan, at = tag & 0xFFF, 18
        self.seen[port, vlan, kind] += 1
        if kind == 0x8809 and frame[at] == 1:
            self._send(port, _SLOW_PROTOCOLS + SWITCH_MAC + b"\x88\x09" + _lacp_answer(frame[at:], port))
        elif vlan == self._vlan and kind == 0x0806:
            self._arp(port, frame, at)
        elif vlan == self._vlan and kind == 0x0800 and frame[:6] == GATEWAY_MAC:
            self._ping(port, frame, at)
        elif vlan == self._vlan and kind == 0x0800 and self._lease and (answer := reply(frame[at:], self._lease)):
            self._send(port, b"\xff" * 6 + GATEWAY_MAC + frame[12:at] + answer)

    def _arp(self, port: int, frame: bytes, at: int) -> None:
        operation = struct.unpack_from(">H", frame, at + 6)[0]
        sender_mac, sender, wanted = frame[at + 8 : at + 14], frame[at + 14 : at + 18], frame[at + 24 : at + 28]
        if operation == 1 and wanted == self._address:
            answer = frame[at : at + 6] + b"\0\2" + GATEWAY_MAC + self._address + sender_mac + sender
            self._send(port, sender_mac + GATEWAY_MAC + frame[12:at] + answer.ljust(46, b"\0"))

    def _ping(self, port: int, frame: bytes, at: int) -> None:
        head = (frame[at] & 0xF) * 4
        length = struct.unpack_from(">H", frame, at + 2)[0]
        packet = bytearray(frame[at : at + length])
        if packet[9] != 1 or packet[head] != 8 or packet[16:20] != self._address:
            return
        packet[12:16], packet[16:20] = packet[16:20], packet[12:16]
        packet[head] = 0
        # Changing the type from 8 to 0 changes the sum by as much (RFC 1624).
        total = struct.unpack_from(">H", packet, head + 2)[0] + 0x0800
        struct.pack_into(">H", packet, head + 2, (total & 0xFFFF) + (total >> 16))
        self._send(port, frame[6:12] + GATEWAY_MAC + frame[12:at] + bytes(packet))

    def _send(self, port: int, frame: bytes) -> None:
        with contextlib.suppress(OSError):  # the machine has gone
            self._ports[port].sendto(frame.ljust(60, b"\0"), str(self.cables[port].here))


def _lacp_answer(pdu: bytes, port: int) -> bytes:
    """An LACPDU that agrees: our own information as actor, and the sender's actor information as our partner's."""
    system = struct.pack(">H6sHHHB3x", 0x8000, SWITCH_MAC, 1, 0x80, port + 1, _STATE)
    actor = b"\x01\x14" + system
    partner = b"\x02\x14" + pdu[4:22]
    collector = b"\x03\x10" + bytes(14)
    return (b"\x01\x01" + actor + partner + collector).ljust(110, b"\0")


@contextlib.contextmanager
def switch(macs: list[str], gateway: str, *, vlan: int = 0, lease: Lease | None = None) -> Iterator[Switch]:
    """A switch with a port a MAC address; its sockets lie where their paths are short enough for the kernel."""
    with tempfile.TemporaryDirectory(prefix="xensw-") as place:
        made = Switch(Path(place), macs, gateway, vlan, lease)
        try:
            yield made
        finally:
            made.close()
