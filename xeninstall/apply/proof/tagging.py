"""A VLAN without the kernel's 802.1Q module: a TAP interface whose packets get their tag here, and lose it on the way back.

What goes through the TAP interface is the kernel's own traffic, so that everything else of a proof need not know.
Frames are as IEEE 802.1Q, 9.3 to 9.6 has them; the header before them in the TAP device is `virtio_net_hdr` (virtio 1.2, 5.1.6).
"""

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA
_TAP, _NO_INFO, _VIRTIO_HEADER = 0x0002, 0x1000, 0x4000
_HEADER_BYTES = 10
_NEEDS_CHECKSUM = 1

_ALL = 0x0003  # ETH_P_ALL
_TAGGED = b"\x81\x00"
_PACKET = 263  # SOL_PACKET
_AUXDATA, _ADD_MEMBERSHIP, _PROMISCUOUS = 8, 1, 1
_OUTGOING = 4  # PACKET_OUTGOING: our own, seen on its way out
_UNFINISHED, _TAG_IS_VALID = 0x08, 0x10  # of tp_status: the sender left the checksum to its card; tp_vlan_tci holds a tag
_AUX = struct.Struct("=IIIHHHH")
_MOST_BYTES = 65550


@contextmanager
def relayed(card: str, name: str, vlan: int) -> Iterator[None]:
    """An interface `name` (down, any MAC address) as long as needed, whose packets are in that VLAN. Raises OSError."""
    with ExitStack() as stack:
        link = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)))
        link.bind((card, _ALL))
        link.setblocking(False)
        link.setsockopt(_PACKET, _AUXDATA, 1)
        # A card in this mode drops no VLAN that it was not told of, and no group that only the TAP interface is in.
        membership = struct.pack("iHH8x", socket.if_nametoindex(card), _PROMISCUOUS, 0)
        link.setsockopt(_PACKET, _ADD_MEMBERSHIP, membership)
        tap = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        stack.callback(os.close, tap)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_INFO | _VIRTIO_HEADER))
        stop, stopping = os.pipe()
        stack.callback(os.close, stop)
        worker = threading.Thread(target=_relay, args=(tap, link, vlan, stop), name="vlan-tags", daemon=True)
        worker.start()
        try:
            yield
        finally:
            os.close(stopping)
            worker.join()


def tagged(frame: bytes, vlan: int) -> bytes:
    """The frame with its tag, of no priority."""
    return frame[:12] + _TAGGED + struct.pack("!H", vlan) + frame[12:]


def untagged(frame: bytes, tag: int | None, vlan: int) -> bytes | None:
    """The frame without its tag, which the kernel has taken out already or not; None for one of another VLAN, or of none."""
    if tag is None and frame[12:14] == _TAGGED and len(frame) >= 18:
        tag, frame = int.from_bytes(frame[14:16], "big"), frame[:12] + frame[16:]
    return frame if tag is not None and tag & 0xFFF == vlan else None


def checksum_place(frame: bytes) -> tuple[int, int] | None:
    """Where the checksum of a UDP or TCP packet begins to count, and where it stands from there; None for anything else."""
    kind, start, protocol = frame[12:14], 0, 0
    if kind == b"\x08\x00" and len(frame) >= 34:
        start, protocol = 14 + (frame[14] & 15) * 4, frame[23]
    elif kind == b"\x86\xdd" and len(frame) >= 54:
        start, protocol = 54, frame[20]
    offset = {6: 16, 17: 6}.get(protocol)
    return (start, offset) if offset is not None and len(frame) >= start + offset + 2 else None


def _relay(tap: int, link: socket.socket, vlan: int, stop: int) -> None:
    while True:
        ready, _, _ = select.select([tap, link.fileno(), stop], [], [])
        if stop in ready:
            return
        # A frame that is lost here is one lost on the wire: whoever waits for it asks again.
        with contextlib.suppress(OSError):
            if tap in ready:
                link.send(tagged(os.read(tap, _MOST_BYTES)[_HEADER_BYTES:], vlan))
        with contextlib.suppress(OSError):
            if link.fileno() in ready:
                _back(tap, link, vlan)


def _back(tap: int, link: socket.socket, vlan: int) -> None:
    frame, more, _, sender = link.recvmsg(_MOST_BYTES, socket.CMSG_SPACE(_AUX.size))
    if sender[2] == _OUTGOING:
        return
    status, tag = 0, None
    for level, kind, data in more:
        if (level, kind) == (_PACKET, _AUXDATA) and len(data) >= _AUX.size:
            status, _, _, _, _, tci, _ = _AUX.unpack(data[: _AUX.size])
            tag = tci if status & _TAG_IS_VALID else None
    plain = untagged(frame, tag, vlan)
    if plain is None:
        return
    place = checksum_place(plain) if status & _UNFINISHED else None
    header = struct.pack("=BBHHHH", _NEEDS_CHECKSUM, 0, 0, 0, *place) if place else bytes(_HEADER_BYTES)
    os.write(tap, header + plain)
