"""What each kind of value takes, and what it refuses."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from xeninstall.answers import fields


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (fields.SizeBytes, "16G", 16 * 2**30),
        (fields.SizeBytes, "1.5 TiB", 3 * 2**39),
        (fields.SizeBytes, 4096, 4096),
        (fields.SizeOrAuto, "auto", "auto"),
        (fields.CountOrAuto, 512, 512),
        (fields.HostLabel, "XEN1", "xen1"),
        (fields.Interface4, "192.0.2.10/255.255.255.0", "192.0.2.10/24"),
        (fields.Interface4, "192.0.2.0/31", "192.0.2.0/31"),
        (fields.Interface6, "2001:DB8:0::10/64", "2001:db8::10/64"),
        (fields.Nic, "52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"),
        (fields.Nic, "enp1s0f0np0", "enp1s0f0np0"),
        (fields.NicOrAuto, "auto", "auto"),
        (fields.Server, "ntp.example.org", "ntp.example.org"),
        (fields.Address, "2001:DB8::53", "2001:db8::53"),
    ],
)
def test_a_value_is_taken_and_kept_in_one_form(kind: Any, given: object, kept: object) -> None:
    assert TypeAdapter(kind).validate_python(given) == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (fields.SizeBytes, True),
        (fields.SizeBytes, 1.5),
        (fields.SizeBytes, "16 G B"),
        (fields.SizeBytes, 2**61),
        (fields.SizeOrAuto, "automatic"),
        (fields.CountOrAuto, True),
        (fields.CountOrAuto, 513),
        (fields.Text, "two\nlines"),
        (fields.Text, "\x1b[31mred"),
        (fields.Text, ""),
        (fields.Text, "x" * 201),
        (fields.HostLabel, "-a"),
        (fields.HostLabel, "a" * 64),
        (fields.HostLabel, "\u017ftart"),  # matches [a-z] without case, but is no letter of host names
        (fields.HostLabel, "a\n"),
        (fields.Domain, "a..b"),
        (fields.Domain, "a." * 130),
        (fields.Interface4, "192.0.2.10/7"),
        (fields.Interface4, "0.0.0.0/24"),
        (fields.Interface4, "224.0.0.1/24"),
        (fields.Interface4, "١٩٢.0.2.1/24"),
        (fields.Interface6, "fe80::1%eth0/64"),
        (fields.Interface6, "2001:db8::1"),
        (fields.Gateway4, "2001:db8::1"),
        (fields.Gateway6, "192.0.2.1"),
        (fields.Address, "dns.example.org"),
        (fields.Nic, "auto"),
        (fields.Nic, "eth0:1"),
        (fields.Nic, "eth 0"),
        (fields.Nic, "a" * 16),
        (fields.Nic, "eth0\n[Network]"),
        (fields.SshKey, "ssh-ed25519 " + "A" * 44 + " a\x00b"),
        (fields.SshKey, "ssh-ed25519 " + "A" * 44 + "\nssh-rsa " + "A" * 44),
        (fields.SshKey, 'command="x" ssh-ed25519 ' + "A" * 44),
        (fields.Flag, 1),
        (fields.Flag, "true"),
    ],
)
def test_a_value_that_would_do_harm_or_means_nothing_is_refused(kind: Any, given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize(
    "value",
    ["", "hunter22", "$1$abc$0123456789012345678901", "$6$short", "$6$" + "x" * 500, "$y$a\n" + "x" * 30, "$6$a:b" + "x" * 40],
)
def test_a_hash_that_debian_would_not_take_is_refused(value: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        fields.check_password_hash(value)
    assert not value or value not in str(caught.value)
