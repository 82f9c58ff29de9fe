"""TLS connections to targets: the certificate is one that was pinned, or an authority answers for it, named or a usual one."""

import hashlib
import hmac
import http.client
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.http import HttpError, Trust

from .model import Lost, TargetError

TIMEOUT_SECONDS = 120.0
_PIN = re.compile(r"[0-9a-f]{64}")
_HINT = "see that it is well, then go on with --resume"


@dataclass(frozen=True)
class Trusted:
    """Whom to believe: SHA-256 fingerprints of certificates, in hexadecimal digits, with or without colons; or a file in PEM."""

    fingerprints: tuple[str, ...] = ()
    ca: str = ""

    def check(self) -> None:
        """Raises UsageError."""
        self._pins()
        self.context()

    def context(self) -> ssl.SSLContext:
        """For a client."""
        if self.fingerprints:
            return Trust(fingerprint=self._pins()[0]).context()
        try:
            return Trust(ca=Path(self.ca).read_text() if self.ca else "").context()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UsageError(f"--ca {self.ca} cannot be read: {why}", hint="name a file with certificates in PEM") from None
        except HttpError as error:
            raise UsageError(f"--ca {self.ca}: {error.message}", hint=error.hint) from None

    def _pins(self) -> tuple[str, ...]:
        pins = tuple(one.lower().removeprefix("sha256:").replace(":", "") for one in self.fingerprints)
        for pin, given in zip(pins, self.fingerprints, strict=True):
            if not _PIN.fullmatch(pin):
                raise UsageError(
                    f"--fingerprint {given[:80]!r} is not one of a certificate",
                    hint="write the 64 digits that openssl x509 -fingerprint -sha256 prints",
                )
        return pins

    def judge(self, sock: ssl.SSLSocket, host: str) -> str:
        """The fingerprint that the host shows; before anything is said to it. Raises TargetError when it is another."""
        found = hashlib.sha256(sock.getpeercert(binary_form=True) or b"").hexdigest()
        if self.fingerprints and not any(hmac.compare_digest(found, pin) for pin in self._pins()):
            raise TargetError(
                f"{host} shows another certificate than the one that was pinned: sha256:{found}",
                hint="if that is the right host, give its --fingerprint, too; else somebody is in between",
            )
        return f"sha256:{found}"


def connected(host: str, port: int, trusted: Trusted | None) -> tuple[http.client.HTTPConnection, str]:
    """A connection, by TLS unless nobody is to be trusted, and the fingerprint shown. Raises Lost, TargetError."""
    if trusted is None:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    else:
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=trusted.context())
    try:
        connection.connect()
        if trusted is None:
            return connection, ""
        assert isinstance(connection.sock, ssl.SSLSocket)
        return connection, trusted.judge(connection.sock, host)
    except TargetError:
        connection.close()
        raise
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise failed(error, host) from None


def failed(error: BaseException, host: str) -> Error:
    """What a failure on the network means."""
    match error:
        case ssl.SSLCertVerificationError():
            hint = "give its --fingerprint (openssl s_client -connect HOST:443 | openssl x509 -fingerprint -sha256), or its --ca"
            return TargetError(f"the certificate of {host} is not trusted: {error.verify_message}", hint=hint)
        case TimeoutError():
            return Lost(f"{host} does not answer", hint=_HINT)
        case socket.gaierror():
            return TargetError(
                f"the name {host} is not resolved: {error.strerror}", hint="see that this machine has a name server"
            )
        case ssl.SSLError(reason=str(reason)):
            return Lost(f"no TLS with {host}: {reason.replace('_', ' ').lower()}", hint=_HINT)
        case http.client.RemoteDisconnected() | http.client.IncompleteRead():
            return Lost(f"{host} hung up without an answer", hint=_HINT)
        case http.client.HTTPException():
            return TargetError(f"what {host} answers is not HTTP ({type(error).__name__})", hint="see what listens on that port")
        case OSError():
            return Lost(f"the connection to {host} failed: {error.strerror or type(error).__name__}", hint=_HINT)
    return Lost(f"the connection to {host} failed: {type(error).__name__}", hint=_HINT)
