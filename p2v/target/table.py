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
    fingerprints: tuple[str, ...] = ()  # SHA-256 of TLS certificates
    ca: str = ""  # a file in PEM
    format: str = "qcow2"  # of the images, for a target that stores them as files
    ways: Ways = field(default_factory=Ways)


Opener = Callable[[str, Access, Runner], Target]


def _ssh(to: str, access: Access, runner: Runner) -> Target:
    return SshTarget(parse_address(to), _login(access), access.ways, runner)


def _xapi(to: str, access: Access, runner: Runner) -> Target:
    from .tls import Trusted
    from .xapi import XapiTarget

    del runner
    return XapiTarget(parse_address(to), access.password, Trusted(access.fingerprints, access.ca))


def _nbd(to: str, access: Access, runner: Runner) -> Target:
    from .nbd import NbdTarget
    from .tls import Trusted

    del runner
    address = parse_address(to)
    return NbdTarget(address, Trusted(access.fingerprints, access.ca) if address.scheme == "nbds" else None)


def _http(to: str, access: Access, runner: Runner) -> Target:
    from .http import HttpTarget
    from .tls import Trusted

    del runner
    address = parse_address(to)
    trusted = Trusted(access.fingerprints, access.ca) if address.scheme == "https" else None
    return HttpTarget(address, access.password, trusted)


def _libvirt(to: str, access: Access, runner: Runner) -> Target:
    from .libvirt import LibvirtTarget

    return LibvirtTarget(parse_address(to, options=("connect",)), _login(access), access.format, runner)


def _login(access: Access) -> Login:
    return Login(access.host_key, access.identity, access.password)


TARGETS: dict[str, Opener] = {
    "ssh": _ssh,
    "xapi": _xapi,
    "libvirt+ssh": _libvirt,
    "nbd": _nbd,
    "nbds": _nbd,
    "http": _http,
    "https": _http,
}


def open_target(to: str, access: Access, runner: Runner) -> Target:
    """The target of an address; nothing is connected yet. Raises UsageError."""
    scheme = to.partition("://")[0].lower()
    if scheme not in TARGETS:
        known = ", ".join(f"{name}://" for name in TARGETS)
        raise UsageError(
            f"--to {to[:100]!r}: {scheme}:// is no kind of target", hint=f"name a file or a folder, or one of {known}"
        )
    return TARGETS[scheme](to, access, runner)
