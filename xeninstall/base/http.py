"""One HTTP exchange with somebody else's server: whom we trust is said beforehand, how long it may take and how much it may
say is bounded, and every way in which it can fail has its words. No URL is ever repeated with what is secret in it.
"""

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from .errors import Error
from .urls import shown_url

_REDIRECTS_MAXIMUM = 5
_BLOCK_BYTES = 65536
# OpenSSL's verdicts (X509_V_ERR_…) that mean the clock rather than the certificate's maker.
_NOT_YET_VALID, _EXPIRED = 9, 10
_HOST_MISMATCH, _ADDRESS_MISMATCH = 62, 64


class Trouble(StrEnum):
    """What kind of failure it was."""

    NAME = "name"  # the server's name is not resolved
    CONNECT = "connect"
    TIMEOUT = "timeout"
    TRUST = "trust"
    CLOCK = "clock"  # the certificate is not valid at this machine's time
    STATUS = "status"
    REDIRECT = "redirect"
    PROTOCOL = "protocol"
    SIZE = "size"


class HttpError(Error):
    """An exchange that failed. `transient` ones may do better a little later."""

    def __init__(self, trouble: Trouble, message: str, *, hint: str, status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.trouble, self.status = trouble, status

    @property
    def transient(self) -> bool:
        """Whether trying again makes sense: the network may come up, the server recover, the clock be set."""
        if self.trouble is Trouble.STATUS:
            return self.status >= 500 or self.status in (408, 425, 429)
        return self.trouble in (Trouble.NAME, Trouble.CONNECT, Trouble.TIMEOUT, Trouble.CLOCK)


@dataclass(frozen=True)
class Trust:
    """Which server we believe. `fingerprint`: 64 hexadecimal digits, the SHA-256 of its certificate in DER (what `openssl x509
    -fingerprint -sha256` prints); nothing else is then asked of it. Else it is checked against `ca`, or the usual authorities.
    """

    ca: str = ""  # PEM
    fingerprint: str = ""

    def context(self) -> ssl.SSLContext:
        """For a TLS client. Raises HttpError when `ca` holds no certificate."""
        if self.fingerprint:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        try:
            return ssl.create_default_context(cadata=self.ca or None)
        except (ssl.SSLError, ValueError):
            hint = "give certificates in PEM, beginning with -----BEGIN CERTIFICATE-----"
            raise HttpError(Trouble.TRUST, "the authorities' file (ca) holds no certificate", hint=hint) from None


@dataclass(frozen=True)
class Reply:
    """What the server said, with a status of 2xx."""

    status: int
    content_type: str  # without parameters, in small letters
    body: bytes


def exchange(
    url: str,
    *,
    body: bytes | None = None,
    content_type: str = "application/json",
    trust: Trust = Trust(),
    limit_bytes: int = 2**20,
    timeout_seconds: float = 30,
) -> Reply:
    """GET, or POST when there is a body. A redirection is followed on the same host, and never from https to http.

    Raises HttpError.
    """
    deadline = time.monotonic() + timeout_seconds
    first = _parts(url)
    for _ in range(_REDIRECTS_MAXIMUM + 1):
        said = _once(url, body, content_type, trust, limit_bytes, deadline)
        if isinstance(said, Reply):
            return said
        status, location = said
        url = _followed(first, urljoin(url, location))
        if status in (301, 302, 303):
            body = None
    raise HttpError(Trouble.REDIRECT, f"{shown_url(url)} is redirected again and again", hint="correct the URL or the server")


def _once(
    url: str, body: bytes | None, content_type: str, trust: Trust, limit_bytes: int, deadline: float
) -> Reply | tuple[int, str]:
    parts = _parts(url)
    shown, host = shown_url(url), parts.hostname or ""
    try:
        connection = _connected(parts, trust, deadline)
        try:
            headers = {"User-Agent": "xeninstall", "Accept": "*/*", "Connection": "close", **_login(parts)}
            if body is not None:
                headers["Content-Type"] = content_type
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET" if body is None else "POST", path, body, headers)
            response = connection.getresponse()
            if 300 <= response.status < 400 and (location := response.headers.get("Location")):
                return response.status, location
            _judge(response.status, shown, asked=body is not None)
            kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
            return Reply(response.status, kind, _content(connection, response, shown, limit_bytes, deadline))
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(error, host) from None
    except TimeoutError:
        hint = "see whether the server is well and nothing on the way drops packets"
        raise HttpError(Trouble.TIMEOUT, f"the server of {shown} did not answer in time", hint=hint) from None
    except ssl.SSLError as error:
        reason = (error.reason or "no reason given").replace("_", " ").lower()
        hint = "see whether https, the port and the server's TLS are right"
        raise HttpError(Trouble.PROTOCOL, f"no TLS with the server of {shown}: {reason}", hint=hint) from None
    except socket.gaierror as error:
        hint = "see that this machine has a name server, and that the name is right"
        raise HttpError(Trouble.NAME, f"the name {host} is not resolved: {error.strerror}", hint=hint) from None
    except http.client.RemoteDisconnected:
        hint = "see what the server's log says"
        raise HttpError(Trouble.CONNECT, f"the server of {shown} hung up without an answer", hint=hint) from None
    except http.client.HTTPException as error:
        hint = "correct the URL: another service may be at that port"
        raise HttpError(Trouble.PROTOCOL, f"what {shown} answers is not HTTP ({type(error).__name__})", hint=hint) from None
    except OSError as error:
        hint = "see whether the server runs, and whether a firewall is between"
        raise HttpError(Trouble.CONNECT, f"no connection to the server of {shown}: {error.strerror}", hint=hint) from None


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        good = good and all("!" <= char <= "~" for char in url)
    except ValueError:
        good = False
    if not good:
        hint = "write it like https://host/path"
        raise HttpError(Trouble.PROTOCOL, f"{shown_url(url)} is not an http or https URL", hint=hint)
    return parts


def _connected(parts: SplitResult, trust: Trust, deadline: float) -> http.client.HTTPConnection:
    host, left = parts.hostname or "", max(deadline - time.monotonic(), 0.1)
    # Always named: http.client would take the end of an IPv6 address for the port.
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme == "http":
        connection = http.client.HTTPConnection(host, port, timeout=left)
        connection.connect()
        return connection
    secure = http.client.HTTPSConnection(host, port, timeout=left, context=trust.context())
    try:
        secure.connect()
        if trust.fingerprint:
            # Before anything is sent: the request itself may hold a password.
            certificate = secure.sock.getpeercert(binary_form=True) or b""
            found = hashlib.sha256(certificate).hexdigest()
            if not hmac.compare_digest(found, trust.fingerprint):
                raise HttpError(
                    Trouble.TRUST,
                    f"{host} shows another certificate than the one that was asked for: its fingerprint is sha256:{found}",
                    hint="if that is the right server, correct the fingerprint; else somebody is in between",
                )
    except BaseException:
        secure.close()
        raise
    return secure


def _login(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _content(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, shown: str, limit_bytes: int, deadline: float
) -> bytes:
    """The body, read piece by piece: a server that drips must not take longer than it was given."""
    said = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        block = response.read1(_BLOCK_BYTES)
        if not block:
            break
        said += block
        if len(said) > limit_bytes:
            hint = "correct the URL: this is another file"
            raise HttpError(Trouble.SIZE, f"{shown} is larger than {limit_bytes} bytes", hint=hint)
    if response.length:
        hint = "see what the server's log says"
        raise HttpError(Trouble.CONNECT, f"the server of {shown} hung up in the middle of its answer", hint=hint)
    return bytes(said)


def _judge(status: int, shown: str, *, asked: bool) -> None:
    if 200 <= status < 300:
        return
    if status in (401, 403):
        message = f"the server does not let this machine have {shown} (status {status})"
        hint = "write user and password into the URL (https://user:password@host/path), or allow it on the server"
    elif status == 404 and asked:
        message, hint = f"{shown} has nothing for this machine (status 404)", "make the server know it, or correct the URL"
    elif status in (404, 410):
        message, hint = f"there is no {shown} (status {status})", "put the file there, or correct the URL"
    elif status >= 500:
        message, hint = f"the server of {shown} failed (status {status})", "see what the server's log says"
    else:
        message, hint = f"the server of {shown} answers with status {status}", "correct the URL or the server"
    raise HttpError(Trouble.STATUS, message, hint=hint, status=status)


def _followed(first: SplitResult, url: str) -> str:
    to = _parts(url)
    if to.hostname != first.hostname or (first.scheme == "https" and to.scheme != "https"):
        raise HttpError(
            Trouble.REDIRECT,
            f"{shown_url(first.geturl())} is redirected to {shown_url(url)}, which was not asked for",
            hint="name that URL itself, if it is meant",
        )
    if to.username is None and first.username is not None and to.port == first.port:
        login = first.netloc.rpartition("@")[0]
        to = to._replace(netloc=f"{login}@{to.netloc}")
    return to.geturl()


def _untrusted(error: ssl.SSLCertVerificationError, host: str) -> HttpError:
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    match error.verify_code:
        case code if code in (_NOT_YET_VALID, _EXPIRED):
            what = "is not valid yet" if code == _NOT_YET_VALID else "has expired"
            message = f"the certificate of {host} {what}, by this machine's clock ({now})"
            return HttpError(Trouble.CLOCK, message, hint="set the clock, or renew the certificate")
        case code if code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
            message = f"the certificate of {host} is for another name"
            return HttpError(Trouble.TRUST, message, hint="use the name that is in the certificate")
    message = f"the certificate of {host} is not trusted: {error.verify_message}"
    return HttpError(Trouble.TRUST, message, hint="name its authority with ca, or the certificate itself with fingerprint")
