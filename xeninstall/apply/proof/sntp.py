"""SNTP as bytes (RFC 4330): the question, and how far off the asking clock is."""

import struct
from dataclasses import dataclass

_ERA_SECONDS = 2_208_988_800  # from 1900, where NTP counts from, to 1970


@dataclass(frozen=True)
class Told:
    """What a server said: by how many seconds our clock is behind its own (negative: ahead), and how far it is from a clock."""

    behind_seconds: float
    stratum: int


def question(now: float) -> bytes:
    """A client's packet, version 4, sent at `now` (seconds since 1970)."""
    return struct.pack("!B39xQ", 0x23, _stamp(now))


def answer(data: bytes, asked: float, received: float) -> Told | None:
    """The answer to a question sent at `asked`; None for anything else, and from a server that has no time itself."""
    if len(data) < 48:
        return None
    stratum = data[1]
    origin, arrived, left = struct.unpack("!QQQ", data[24:48])
    # The leap indicator 3 means "not synchronized", stratum 0 "go away" (RFC 4330, 4).
    if data[0] & 7 != 4 or data[0] >> 6 == 3 or not 0 < stratum < 16 or origin != _stamp(asked) or not left:
        return None
    behind = ((_seconds(arrived, asked) - asked) + (_seconds(left, received) - received)) / 2
    return Told(behind, stratum)


def _stamp(moment: float) -> int:
    return int((moment + _ERA_SECONDS) * 2**32) & (2**64 - 1)


def _seconds(stamp: int, near: float) -> float:
    """Seconds since 1970; the 32 bits of NTP begin anew every 136 years, and the turn nearest to our clock is meant."""
    seconds = stamp / 2**32 - _ERA_SECONDS
    return seconds + round((near - seconds) / 2**32) * 2**32
