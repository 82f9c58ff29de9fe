"""What a proof says: one named result a question, in words."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a question came out."""

    PASSED = "passed"
    WARNED = "warned"  # works, or could not be asked; worth a look
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """One answer. `name` is link, bond, vlan, lease, address, router, gateway, mtu, dns or ntp; `text` is `what; what to do`."""

    name: str
    outcome: Outcome
    text: str


def passed(name: str, text: str) -> Result:
    """It works."""
    return Result(name, Outcome.PASSED, text)


def warned(name: str, text: str) -> Result:
    """It was not asked, or works in part."""
    return Result(name, Outcome.WARNED, text)


def failed(name: str, text: str) -> Result:
    """It does not work."""
    return Result(name, Outcome.FAILED, text)


@dataclass(frozen=True)
class Standing:
    """A place in a network: the address to ask from, and what the network said of itself."""

    address: str
    prefix: int
    gateway: str = ""
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    server: str = ""  # the DHCP server that gave it
    domain: str = ""
    seconds: int = 0  # how long the lease holds
