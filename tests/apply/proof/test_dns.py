"""DNS messages, with dnsmasq-like answers: compressed names, several records, and nonsense."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from xeninstall.apply.proof import dns


def answered(number: int, *records: tuple[int, bytes], code: int = 0) -> bytes:
    """A server's answer to a question for time.example.org."""
    asked = dns.question("time.example.org", number)[12:]
    head = struct.pack("!6H", number, 0x8180 | code, 1, len(records), 0, 0)
    return head + asked + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data for kind, data in records)


def test_a_question_is_as_the_specification_draws_it() -> None:
    assert dns.question("a.test", 7) == bytes.fromhex("0007 0100 0001 0000 0000 0000 01 61 04 74657374 00 0001 0001")
    assert dns.question("", 7)[12:] == bytes.fromhex("00 0002 0001")  # the root's name servers


def test_addresses_are_taken_and_aliases_passed_over() -> None:
    found = dns.answer(answered(9, (5, b"\xc0\x0c"), (1, bytes([192, 0, 2, 1])), (28, bytes(15) + b"\x01")), 9)
    assert found == dns.Answer(0, ("192.0.2.1", "::1"))


def test_a_refusal_is_an_answer_and_anothers_answer_is_none() -> None:
    assert dns.answer(answered(9, code=5), 9) == dns.Answer(5)
    assert dns.answer(answered(9), 8) is None
    assert dns.answer(dns.question("a.test", 9), 9) is None


@given(st.binary(max_size=80))
def test_nonsense_breaks_nothing(data: bytes) -> None:
    dns.answer(data, 9)
    dns.answer(struct.pack("!6H", 9, 0x8180, 1, 3, 0, 0) + data, 9)
