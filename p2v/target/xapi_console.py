"""The text console of a running machine: HTTP's CONNECT to where XAPI says that it is, then what the machine says.

xen-api's `console.ml` and "VM consoles": the location is `https://HOST/console?uuid=…` of the host that the machine runs on, the
session stands in a cookie, and after the answer the connection is the terminal's.
"""

import http.client
import os
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from .model import Lost, TargetError
from .tls import Trusted, connected, failed
from .xapi_calls import Calls

_PIECE_BYTES = 64 * 1024


class XapiConsole:
    """What it says is read from `reads`, a descriptor: it comes through TLS, which no descriptor shows."""

    def __init__(self, sock: ssl.SSLSocket, response: http.client.HTTPResponse) -> None:
        self._sock, self._response = sock, response
        self.reads, self._writes = os.pipe()
        self._pump = threading.Thread(target=self._bring, daemon=True)
        self._pump.start()

    def _bring(self) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            while data := self._response.read1(_PIECE_BYTES):
                os.write(self._writes, data)
        os.close(self._writes)

    def stop(self, seconds: float = 0) -> None:
        """Hang up; whoever reads sees the end."""
        del seconds
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self, seconds: float = 0) -> None:
        """Nobody reads any more."""
        self.stop()
        os.close(self.reads)
        self._pump.join(seconds + 1)
        self._response.close()
        self._sock.close()


def console_of(calls: Calls, trusted: Trusted, machine: str) -> XapiConsole | tuple[str, ...]:
    """A running machine's text console; the protocols of those that it has where none is one. Raises Lost, TargetError."""
    protocols = []
    for console in calls.call("VM.get_consoles", machine):
        protocol = str(calls.call("console.get_protocol", console))
        if protocol.lower() == "vt100":
            return _opened(calls, trusted, str(calls.call("console.get_location", console)))
        protocols.append(protocol)
    return tuple(sorted(protocols))


def _opened(calls: Calls, trusted: Trusted, location: str) -> XapiConsole:
    to = urlsplit(location)
    if to.scheme != "https" or not to.hostname or not to.path.startswith("/") or not location.isascii() or " " in location:
        raise TargetError(f"{calls.host} has a console at a place without TLS", hint="see: xe console-list params=location")
    if any(not sign.isprintable() for sign in location):
        raise TargetError(f"{calls.host} names no place of a console", hint="see: xe console-list params=location")
    connection, _ = connected(to.hostname, to.port or 443, trusted)
    sock = connection.sock
    assert isinstance(sock, ssl.SSLSocket)
    try:
        asked = f"CONNECT {to.path}?{to.query} HTTP/1.1\r\nHost: {to.hostname}\r\nUser-Agent: p2v\r\n"
        sock.sendall(f"{asked}Cookie: session_id={calls.session}\r\n\r\n".encode("ascii"))
        response = http.client.HTTPResponse(sock, method="CONNECT")
        response.begin()
    except (OSError, http.client.HTTPException) as error:
        sock.close()
        raise failed(error, to.hostname) from None
    if response.status != 200:
        sock.close()
        raise _refused(response.status, to.hostname)
    sock.settimeout(None)  # a machine may say nothing for long
    return XapiConsole(sock, response)


def _refused(status: int, host: str) -> TargetError | Lost:
    match status:
        case 401 | 403:
            return Lost(f"{host} has ended the session", hint="log in again")
        case 503:
            return TargetError(f"{host} lets nobody else look at the console", hint="close it elsewhere (limit_console_sessions)")
        case _:
            return TargetError(f"{host} answers for the console with status {status}", hint="see xensource.log on the host")
