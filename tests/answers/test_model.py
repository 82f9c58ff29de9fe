"""A value of type Answers breaks no rule, however it came to be."""

import pytest
from pydantic import ValidationError

from xeninstall.answers.model import Answers, Dns, DnsMode, Flow, Ipv4, Ipv4Method, Network, Root

from .strategies import HASH, KEY


def test_a_contradiction_cannot_be_constructed() -> None:
    with pytest.raises(ValidationError, match=r"dns\.servers: missing, and the mode servers needs it"):
        Answers(root=Root(ssh_keys=(KEY,)), dns=Dns(mode=DnsMode.SERVERS))


def test_all_broken_rules_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Answers(network=Network(ipv4=Ipv4(method=Ipv4Method.STATIC)))
    said = caught.value.errors()[0]["msg"].splitlines()
    assert [line.split(":")[0] for line in said] == ["root", "network.ipv4.address"]


def test_a_changed_copy_is_checked_too() -> None:
    answers = Answers(root=Root(ssh_keys=(KEY,)))
    assert answers.model_copy(update={"dns": Dns(search=("example.org",))}).dns.search == ("example.org",)
    with pytest.raises(ValidationError, match="nobody could log in"):
        answers.model_copy(update={"root": Root()})


def test_values_never_change() -> None:
    answers = Answers(root=Root(password_hash=HASH))
    with pytest.raises(ValidationError, match="frozen"):
        answers.flow = Flow.BOOTSTRAP  # type: ignore[misc]
