"""Router advertisements as bytes."""

import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st

from xeninstall.apply.proof import router


def sent(*options: bytes, flags: int = 0, lifetime: int = 1800) -> bytes:
    """An advertisement."""
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, flags, lifetime, 0, 0) + b"".join(options)


PREFIX = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + ipaddress.IPv6Address("2001:db8:1::").packed
DNS = struct.pack("!BBHI", 25, 3, 0, 1800) + ipaddress.IPv6Address("2001:db8:1::53").packed


def test_prefix_and_name_server_are_taken() -> None:
    found = router.advertisement(sent(PREFIX, DNS), "fe80::1")
    assert found == router.Advertisement("fe80::1", True, False, ("2001:db8:1::/64",), ("2001:db8:1::53",))


def test_one_that_sends_to_dhcpv6_or_forwards_nothing_says_so() -> None:
    found = router.advertisement(sent(flags=0x80, lifetime=0), "fe80::1")
    assert found == router.Advertisement("fe80::1", False, True)


def test_a_card_makes_its_own_address_of_its_mac_address() -> None:
    assert router.own_address("2001:db8:1::/64", "52:54:00:12:34:56") == "2001:db8:1:0:5054:ff:fe12:3456"


@given(st.binary(max_size=120))
def test_nonsense_breaks_nothing(data: bytes) -> None:
    router.advertisement(data, "fe80::1")
    router.advertisement(sent(data), "fe80::1")
