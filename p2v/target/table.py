"""The kinds of targets by the beginning of their addresses. Adding one is adding its file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner

from .address import parse_address
from .model import Target
from .openssh import Login
from .password import Password
from .ssh import SshTarget, Ways


@dataclass(frozen=True)
class Access:
    """All that options say of how a target is reached; each kind takes what is its own."""

    host_key: str = ""  # SHA256:… of an SSH host
    identity: str = ""  # a private key's file
    password: Password | None = None
    ways: Ways = field(default_factory=Ways)


Opener = Callable[[str, Access, Runner], Target]


def _ssh(to: str, access: Access, runner: Runner) -> Target:
    return SshTarget(parse_address(to), _login(access), access.ways, runner)


def _login(access: Access) -> Login:
    return Login(access.host_key, access.identity, access.password)


TARGETS: dict[str, Opener] = {"ssh": _ssh}


def open_target(to: str, access: Access, runner: Runner) -> Target:
    """The target of an address; nothing is connected yet. Raises UsageError."""
    scheme = to.partition("://")[0].lower()
    if scheme not in TARGETS:
        known = ", ".join(f"{name}://" for name in TARGETS)
        raise UsageError(
            f"--to {to[:100]!r}: {scheme}:// is no kind of target", hint=f"name a file or a folder, or one of {known}"
        )
    return TARGETS[scheme](to, access, runner)
