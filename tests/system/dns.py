"""One question to a DNS server (RFC 1035, section 4), asked from outside of the machine that is to answer it."""

import secrets
import socket
import struct


def ask(server: tuple[str, int], name: str) -> list[str]:
    """IPv4 addresses of a name, as this server tells them over TCP: QEMU's closed network passes no UDP inwards."""
    number = secrets.randbelow(65536)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.create_connection(server, timeout=60) as wire:
        wire.sendall(struct.pack(">H", len(question)) + question)
        answer = _read(wire, struct.unpack(">H", _read(wire, 2))[0])
    assert answer[:2] == question[:2]
    return addresses(answer, len(question))


def _read(wire: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += wire.recv(length - len(data)) or _ended(data)
    return data


def _ended(data: bytes) -> bytes:
    raise AssertionError(f"the server closed the connection after {len(data)} bytes")


def addresses(answer: bytes, at: int) -> list[str]:
    """The A records of an answer whose question section ends at `at`."""
    count = struct.unpack_from(">H", answer, 6)[0]
    found = []
    for _ in range(count):
        while answer[at] not in (0, *range(192, 256)):
            at += answer[at] + 1
        at += 1 if answer[at] == 0 else 2
        kind, _class, _ttl, length = struct.unpack_from(">HHIH", answer, at)
        at += 10
        if kind == 1 and length == 4:
            found.append(socket.inet_ntoa(answer[at : at + 4]))
        at += length
    return found
