"""Addresses of targets: what they name, and what must not stand in one."""

from dataclasses import replace

import pytest

from p2v.target.address import Address, at_place, parse_address, place_in
from xeninstall.base.errors import UsageError


@pytest.mark.parametrize(
    ("to", "expected", "shown"),
    [
        ("ssh://host", Address("ssh", "host", "", None, ""), "ssh://host"),
        ("ssh://me@Host.Example:2222/xenvms/vms", Address("ssh", "Host.Example", "me", 2222, "xenvms/vms"), None),
        ("nbd://[fe80::1]:10809/a%20b", Address("nbd", "fe80::1", "", 10809, "a b"), "nbd://[fe80::1]:10809/a b"),
        ("xapi://dom%5Cadmin@10.0.0.1/Local storage", Address("xapi", "10.0.0.1", "dom\\admin", None, "Local storage"), None),
    ],
)
def test_what_it_names(to: str, expected: Address, shown: str | None) -> None:
    found = parse_address(to)
    assert found == expected
    assert shown is None or found.shown == shown


def test_options_that_the_kind_knows() -> None:
    found = parse_address("libvirt+ssh://host/pool?connect=qemu:///session", options=("connect",))
    assert found.option("connect") == "qemu:///session" and found.option("other") == ""


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("ssh://", "names no host"),
        ("ssh:///storage", "names no host"),
        ("ssh://-oProxyCommand=touch x/", "names no host"),
        ("ssh://host;reboot/", "names no host"),
        ("ssh://host:0", "names no host"),
        ("ssh://host:99999", "Port out of range"),
        ("ssh://me:secret@host", "a password in an address is seen by everybody"),
        ("ssh://-l@host", "is not a user's name"),
        ("ssh://a%0Ab@host", "is not a user's name"),
        ("ssh://host/a%1bb", "signs that cannot be printed"),
        ("ssh://host?x=1", "nobody knows 'x'"),
        ("ssh://host#x", "nobody knows 'x'"),
        ("ssh://[::1", "Invalid IPv6 URL"),
    ],
)
def test_what_is_refused(to: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(to)
    assert message in caught.value.message and caught.value.hint
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("place", ["", "images", "xen/pool", "Local storage", "50%?#"])
def test_another_place_on_the_same_host(place: str) -> None:
    for to in ("ssh://root@xen1:2222", "libvirt+ssh://Host/old?connect=qemu:///session", "xapi://[fe80::1]/a%20b"):
        there = at_place(to, place)
        before, after = (parse_address(one, options=("connect",)) for one in (to, there))
        assert after == replace(before, place=place) and place_in(there) == place
