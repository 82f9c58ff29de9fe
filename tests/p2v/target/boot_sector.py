"""A disk whose boot sector talks: as little of a system as a machine can start, so that it is up in a moment without KVM, too."""

import random
from pathlib import Path

from tests.p2v.disks import MIB

_SEGMENTS = bytes.fromhex("31c0 8ed8 8ec0")  # xor ax, ax; mov ds, ax; mov es, ax
_WRITE = bytes.fromhex("b80103 bb007c b90200 b600 cd13")  # int 13h: this sector over the second one
_SAY = bytes.fromhex("ac 84c0 7406 baf803 ee ebf5")  # lodsb; until it is 0: out 3f8h, al
_PAUSE = bytes.fromhex("b486 b92d00 31d2 cd15")  # int 15h, 86h: 3 s; a machine's very last words are lost with its console
_POWER_OFF = bytes.fromhex("ba0406 b80020 ef")  # out 604h, 2000h: q35's ACPI
_WAIT = bytes.fromhex("f4 ebfd")  # hlt, again and again


def talking_disk(path: Path, says: str, *, then: str = "stay") -> Path:
    """It writes to itself, says this on its serial line, and then stays up or, after a moment, powers itself off (`end`)."""
    code = _SEGMENTS + _WRITE
    tail = _SAY + (_PAUSE + _POWER_OFF if then == "end" else b"") + _WAIT
    message = 0x7C00 + len(code) + 3 + len(tail)
    code += b"\xbe" + message.to_bytes(2, "little") + tail + says.encode() + b"\0"
    assert len(code) <= 440
    path.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + random.Random(5).randbytes(2 * MIB - 512))
    return path
