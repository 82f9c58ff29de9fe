"""DHCP messages: what a server needs to see in ours, and what we take from its."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from xeninstall.apply.proof import dhcp
from xeninstall.apply.proof.results import Standing

MAC = "52:54:00:12:34:56"
XID = 0x1234ABCD
OFFER = Standing("192.0.2.100", 24, server="192.0.2.1")


def answer(kind: int = 2, *, options: bytes = b"", address: bytes = bytes([192, 0, 2, 100]), xid: int = XID) -> bytes:
    """A server's packet, as it would arrive."""
    hardware = bytes.fromhex(MAC.replace(":", ""))
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 2, 1, 6, 0, xid, 0, 0, b"", address, b"", b"", hardware, b"", b"")
    sent = fixed + b"\x63\x82\x53\x63" + bytes([53, 1, kind, 54, 4, 192, 0, 2, 1]) + options + b"\xff"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(sent), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), b"\xff" * 4)
    return head + struct.pack("!HHHH", 67, 68, 8 + len(sent), 0) + sent


def test_a_discovery_is_a_broadcast_that_names_us_by_mac_address() -> None:
    packet = dhcp.broadcast(dhcp.message(dhcp.Kind.DISCOVER, MAC, XID))
    assert packet[12:20] == bytes(4) + b"\xff" * 4
    assert sum(struct.unpack("!10H", packet[:20])) % 0xFFFF == 0  # the header's checksum
    assert struct.unpack("!HH", packet[20:24]) == (68, 67)
    bootp = packet[28:]
    assert bootp[4:8] == struct.pack("!I", XID)
    assert bootp[10:12] == b"\x80\x00"  # answers must be broadcast too
    assert b"\x3d\x07\x01" + bytes.fromhex(MAC.replace(":", "")) in bootp  # client id, as the installed host sends it
    assert len(bootp) >= 300


def test_a_request_names_the_offer_and_its_server() -> None:
    bootp = dhcp.message(dhcp.Kind.REQUEST, MAC, XID, OFFER)
    assert bytes([50, 4, 192, 0, 2, 100]) in bootp
    assert bytes([54, 4, 192, 0, 2, 1]) in bootp


def test_a_release_tells_the_address_that_is_given_back() -> None:
    assert dhcp.message(dhcp.Kind.RELEASE, MAC, XID, OFFER)[12:16] == bytes([192, 0, 2, 100])


def test_an_offer_is_taken_with_all_that_it_says() -> None:
    told = bytes([1, 4, 255, 255, 254, 0, 3, 8, 192, 0, 2, 1, 192, 0, 2, 2, 6, 4, 192, 0, 2, 53, 42, 4, 192, 0, 2, 123])
    found = dhcp.reply(answer(options=told + bytes([51, 4, 0, 0, 14, 16, 15, 7]) + b"ex.test"), XID, MAC)
    assert found is not None
    assert found.standing == Standing(
        "192.0.2.100", 23, "192.0.2.1", ("192.0.2.53",), ("192.0.2.123",), "192.0.2.1", "ex.test", 3600
    )


def test_a_refusal_is_known_and_others_messages_are_not_ours() -> None:
    assert dhcp.reply(answer(6), XID, MAC) == dhcp.Reply(dhcp.Kind.NAK)
    assert dhcp.reply(answer(xid=1), XID, MAC) is None
    assert dhcp.reply(answer(), XID, "52:54:00:12:34:57") is None
    assert dhcp.reply(answer(address=bytes(4)), XID, MAC) is None


@given(st.binary(max_size=600))
def test_whatever_passes_by_breaks_nothing(data: bytes) -> None:
    dhcp.reply(data, XID, MAC)
    dhcp.reply(answer(options=data), XID, MAC)
