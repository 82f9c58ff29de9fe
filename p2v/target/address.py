"""`--to` addresses: which kind of target, which host, which place on it. Nothing secret can stand in one."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from xeninstall.base.errors import UsageError

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,20})?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}")


@dataclass(frozen=True)
class Address:
    """One as parsed. `port` is None for the usual one, `place` what stands behind the host, without its first slash."""

    scheme: str
    host: str
    user: str
    port: int | None
    place: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """For messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{user}{host}" + (f":{self.port}" if self.port else "") + (f"/{self.place}" if self.place else "")

    def option(self, name: str) -> str:
        """The value behind `?name=`, or empty."""
        return dict(self.options).get(name, "")


def parse_address(to: str, *, options: tuple[str, ...] = ()) -> Address:
    """An address. Raises UsageError for anything that a program that it is handed to could misunderstand."""
    scheme = to.partition("://")[0].lower()
    how = f"write it like {scheme}://host/place"
    try:
        parts = urlsplit(to)
        host, port, user = parts.hostname or "", parts.port, unquote(parts.username or "")
    except ValueError as error:
        raise UsageError(f"--to {to[:100]!r}: {error}", hint=how) from None
    if parts.password is not None:
        raise UsageError("a password in an address is seen by everybody", hint="leave it out, and give --password")
    if not _HOST.fullmatch(host) or port == 0:
        raise UsageError(f"--to {to[:100]!r} names no host", hint=how)
    if user and not _USER.fullmatch(user):
        raise UsageError(f"--to {to[:100]!r}: {user[:64]!r} is not a user's name", hint=how)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name, _ in query if name not in options]
    if unknown or parts.fragment:
        raise UsageError(f"--to {to[:100]!r}: nobody knows {unknown[0] if unknown else parts.fragment!r}", hint=how)
    place = place_in(to)
    if not place.isprintable():
        raise UsageError(f"--to {to[:100]!r} holds signs that cannot be printed", hint=how)
    # urlsplit makes the host's letters small, which a name in an SSH configuration may not be.
    written = parts.netloc.rpartition("@")[2]
    at = written.lower().find(host)
    return Address(scheme, written[at : at + len(host)] if at >= 0 else host, user, port, place, query)


def place_in(to: str) -> str:
    """What stands behind the host, as it is called there."""
    return unquote(urlsplit(to).path).strip("/")


def at_place(to: str, place: str = "") -> str:
    """The address of another place on the same host; without one that of the host itself."""
    return urlunsplit(urlsplit(to)._replace(path=f"/{quote(place)}" if place else ""))
