"""DNS as bytes (RFC 1035): one question, and the addresses in the answer to it."""

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_A, _NS, _AAAA = 1, 2, 28
_RECURSE = 0x0100


@dataclass(frozen=True)
class Answer:
    """What a server said: its code (RFC 1035 4.1.1: 0 no error, 2 failure, 3 no such name, 5 refused) and addresses."""

    code: int
    addresses: tuple[str, ...] = ()


def question(name: str, number: int, *, ipv6: bool = False) -> bytes:
    """Ask for a name's addresses; the empty name asks for the root's servers, which every resolver knows."""
    kind = _NS if not name else _AAAA if ipv6 else _A
    labels = [part.encode("ascii") for part in name.split(".") if part]
    asked = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, _RECURSE, 1, 0, 0, 0) + asked + struct.pack("!HH", kind, 1)


def answer(data: bytes, number: int) -> Answer | None:
    """The answer to question `number`; None for what is none, or is malformed."""
    if len(data) < 12:
        return None
    found, flags, questions, answers = struct.unpack("!4H", data[:8])
    if found != number or not flags & 0x8000:
        return None
    try:
        return Answer(flags & 15, tuple(_addresses(data, questions, answers)))
    except (IndexError, struct.error, ValueError):
        return None


def _addresses(data: bytes, questions: int, answers: int) -> Iterator[str]:
    place = 12
    for _ in range(questions):
        place = _after_name(data, place) + 4
    for _ in range(answers):
        place = _after_name(data, place)
        kind, _klass, _seconds, length = struct.unpack("!HHIH", data[place : place + 10])
        value = data[place + 10 : place + 10 + length]
        if (kind, len(value)) in ((_A, 4), (_AAAA, 16)):
            yield str(ipaddress.ip_address(value))
        place += 10 + length


def _after_name(data: bytes, place: int) -> int:
    while data[place]:
        if data[place] >= 0xC0:  # a pointer ends a name
            return place + 2
        place += data[place] + 1
    return place + 1
