"""Tags as bytes: put in where IEEE 802.1Q has them, and taken out whether the kernel has done so already or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xeninstall.apply.proof.tagging import checksum_place, relayed, tagged, untagged

ARP = bytes.fromhex("ffffffffffff 525400123456 0806 0001080006040001")


def test_the_tag_stands_between_the_addresses_and_the_type() -> None:
    assert tagged(ARP, 20) == bytes.fromhex("ffffffffffff 525400123456 8100 0014 0806 0001080006040001")
    assert tagged(ARP, 4094)[14:16] == bytes.fromhex("0ffe")


@given(st.binary(min_size=14, max_size=80), st.integers(1, 4094))
def test_what_was_tagged_comes_back_as_it_was_and_to_no_other_vlan(frame: bytes, vlan: int) -> None:
    assert untagged(tagged(frame, vlan), None, vlan) == frame
    assert untagged(tagged(frame, vlan), None, vlan % 4094 + 1) is None


def test_a_tag_that_the_kernel_took_out_counts_and_its_priority_does_not() -> None:
    assert untagged(ARP, 0xE014, 20) == ARP
    assert untagged(ARP, 0xE014, 21) is None


def test_what_has_no_tag_is_of_no_vlan() -> None:
    assert untagged(ARP, None, 20) is None
    assert untagged(b"", None, 20) is None
    assert untagged(ARP[:12] + b"\x81\x00", None, 20) is None


def test_a_checksum_that_the_senders_card_should_have_filled_in_is_found() -> None:
    udp4 = ARP[:12] + bytes.fromhex("0800 46") + bytes(8) + bytes([17]) + bytes(40)
    assert checksum_place(udp4[:23] + bytes([17]) + udp4[24:]) == (38, 6)
    tcp6 = ARP[:12] + bytes.fromhex("86dd 60000000 0000 06") + bytes(60)
    assert checksum_place(tcp6) == (54, 16)
    assert checksum_place(ARP) is None


@given(st.binary(max_size=70))
def test_whatever_passes_by_breaks_nothing(frame: bytes) -> None:
    checksum_place(frame)
    untagged(frame, None, 20)


def test_a_card_that_is_not_there_is_the_callers_to_tell_and_leaves_no_interface() -> None:
    with pytest.raises(OSError), relayed("nosuchcard0", "xiproof", 20):
        raise AssertionError
