"""NTP: the offset of the clock, and servers that have no time themselves."""

import struct

import pytest

from xeninstall.apply.proof import sntp

NOW = 1_795_000_000.25


def answered(question: bytes, ahead: float, *, first: int = 0x24, stratum: int = 2) -> bytes:
    """A server's answer whose clock is `ahead` of ours."""
    stamp = int((NOW + ahead + 2_208_988_800) * 2**32) & (2**64 - 1)
    return struct.pack("!BBbb3I", first, stratum, 4, -20, 0, 0, 0) + bytes(8) + question[40:48] + struct.pack("!QQ", stamp, stamp)


@pytest.mark.parametrize("ahead", [0.0, 7200.0, -86400.0, 400_000_000.0])
def test_the_offset_is_the_servers_clock_against_ours(ahead: float) -> None:
    found = sntp.answer(answered(sntp.question(NOW), ahead), NOW, NOW + 0.2)
    assert found is not None
    assert found.behind_seconds == pytest.approx(ahead - 0.1, abs=0.001)  # half of the way there and back
    assert found.stratum == 2


def test_a_clock_after_2036_where_the_seconds_begin_anew_is_right_too() -> None:
    late = 2_100_000_000.0
    stamp = int((late + 2_208_988_800) * 2**32) & (2**64 - 1)
    sent = sntp.question(late)
    data = struct.pack("!BBbb3I", 0x24, 1, 4, -20, 0, 0, 0) + bytes(8) + sent[40:48] + struct.pack("!QQ", stamp, stamp)
    found = sntp.answer(data, late, late)
    assert found is not None
    assert abs(found.behind_seconds) < 0.001


def test_a_server_without_time_an_answer_to_another_question_and_a_short_one_do_not_count() -> None:
    sent = sntp.question(NOW)
    assert sntp.answer(answered(sent, 0, first=0xE4), NOW, NOW) is None
    assert sntp.answer(answered(sent, 0, stratum=0), NOW, NOW) is None
    assert sntp.answer(answered(sntp.question(NOW - 5), 0), NOW, NOW) is None
    assert sntp.answer(answered(sent, 0)[:40], NOW, NOW) is None
