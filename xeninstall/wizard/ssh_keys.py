"""SSH public keys: typed, from a file, or from an https address; and how one is shown, so that people know it again."""

import base64
import binascii
import hashlib
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from xeninstall.answers.fields import SshKey
from xeninstall.base.errors import UsageError

_KEY: TypeAdapter[str] = TypeAdapter(SshKey)
_MOST_BYTES = 256 * 1024
_SECONDS = 10
_HINT = "give a file or page with public keys, one a line, as in authorized_keys or a .pub file"


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Who could change the page on its way could log in as root."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise UsageError(f"{req.full_url} leads to an address without https", hint="give an https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def is_place(text: str) -> bool:
    """Whether a key is to be fetched from there, rather than being one."""
    return text.startswith(("https://", "http://", "/"))


def checked(text: str) -> str:
    """One key as it goes into the answers. Raises UsageError."""
    try:
        return _KEY.validate_python(text)
    except ValidationError as error:
        what, _, remedy = error.errors()[0]["msg"].partition("; ")
        raise UsageError(what, hint=remedy) from None


def fetched(place: str, opener: urllib.request.OpenerDirector | None = None) -> list[str]:
    """Every key in a file or behind an https address. Raises UsageError when there is none, or one that cannot be used."""
    if place.startswith("http://"):
        raise UsageError("the key could be exchanged on its way here", hint="give an https address, or a file")
    text = _page(place, opener) if place.startswith("https://") else _file(place)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not lines:
        raise UsageError(f"{place}: no key is there", hint=_HINT)
    try:
        return [checked(line) for line in lines]
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", hint=_HINT) from None


def shown(key: str) -> str:
    """Kind, fingerprint as ssh-keygen -l prints it, and comment."""
    kind, _, rest = key.partition(" ")
    body, _, comment = rest.partition(" ")
    try:
        digest = hashlib.sha256(base64.b64decode(body, validate=True)).digest()
    except (binascii.Error, ValueError):
        return key[:60]
    fingerprint = base64.b64encode(digest).decode().rstrip("=")
    short = kind.removeprefix("ssh-").removeprefix("ecdsa-sha2-")
    return f"{comment or short:<20.20} SHA256:{fingerprint}"


def _file(place: str) -> str:
    try:
        with Path(place).open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}", hint="name a file on a mounted medium") from None


def _page(place: str, opener: urllib.request.OpenerDirector | None) -> str:
    opener = opener or urllib.request.build_opener(_HttpsOnly())
    try:
        with opener.open(place, timeout=_SECONDS) as page:
            return bytes(page.read(_MOST_BYTES)).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        raise UsageError(f"{place}: the server says {error.code} {error.reason}", hint=_HINT) from None
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise UsageError(f"{place} cannot be fetched: {why}", hint="look at the address and the network") from None
