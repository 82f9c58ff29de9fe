"""A client of NBD's fixed newstyle protocol (NetworkBlockDevice/nbd, doc/proto.md), as much of it as writing a disk takes.

One connection; several writes may be in flight on it. Python's libnbd is in Debian, but built for Debian's Python alone, so that
nothing outside of it could be tested; what is needed here is short.
"""

import socket
import ssl
import struct
from contextlib import suppress

from xeninstall.base.errors import Error

from .model import Halted, Lost, TargetError

_MAGIC, _OPTION_MAGIC, _REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
_REQUEST, _SIMPLE = 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPT_GO, _OPT_STARTTLS = 7, 5
_REP_ACK, _REP_INFO, _REP_ERROR = 1, 3, 1 << 31
_INFO_EXPORT = 0
_READ, _WRITE, _DISCONNECT, _FLUSH, _WRITE_ZEROES = 0, 1, 2, 3, 6
_HAS_FLAGS, _READ_ONLY, _SEND_FLUSH, _SEND_WRITE_ZEROES, _MULTI = 1, 2, 4, 64, 256
_MOST_REPLY = 64 * 1024
_WINDOW = 16  # writes in flight
_ERRORS = {1: "not permitted", 5: "input/output error", 12: "out of memory", 22: "invalid", 28: "no room left", 75: "too long"}
_TIMEOUT_SECONDS = 120.0
_REFUSED = {
    1 | _REP_ERROR: "the option is not supported",
    2 | _REP_ERROR: "it is not allowed",
    5 | _REP_ERROR: "it wants TLS first",
    6 | _REP_ERROR: "there is no such export",
}


class Nbd:
    """An export, opened. Not for several threads at once."""

    def __init__(self, host: str, port: int, export: str, tls: ssl.SSLContext | None, name: str) -> None:
        self._name, self._handle = name, 0
        self._flying: dict[int, str] = {}
        self._flags = self.size_bytes = 0
        try:
            self._sock: socket.socket = socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS)
        except socket.gaierror as error:
            raise TargetError(
                f"the name {host} is not resolved: {error.strerror}", hint="see that there is a name server"
            ) from None
        except OSError as error:
            raise self._lost(error.strerror or "no answer") from None
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(export, host, tls)
        except BaseException:
            self._sock.close()
            raise

    @property
    def read_only(self) -> bool:
        """Whether it takes no writes."""
        return bool(self._flags & _READ_ONLY)

    @property
    def zeroes(self) -> bool:
        """Whether zeros need not be sent."""
        return bool(self._flags & _SEND_WRITE_ZEROES)

    def write(self, offset: int, data: memoryview) -> None:
        """Several may be on their way; a failure is told by a later call."""
        self._request(_WRITE, offset, len(data), data)

    def write_zeroes(self, offset: int, length: int) -> None:
        """Only where `zeroes` says so."""
        self._request(_WRITE_ZEROES, offset, length, b"")

    def flush(self) -> None:
        """Return when all that was written is safe."""
        while self._flying:
            self._reply()
        if self._flags & _SEND_FLUSH:
            self._request(_FLUSH, 0, 0, b"")
            self._reply()

    def read(self, offset: int, length: int) -> bytes:
        """Those bytes."""
        while self._flying:
            self._reply()
        self._request(_READ, offset, length, b"")
        self._reply()
        return self._receive(length)

    def close(self) -> None:
        """Say good-bye."""
        with suppress(OSError, Error):
            self._sock.sendall(struct.pack(">IHHQQI", _REQUEST, 0, _DISCONNECT, 0, 0, 0))
        self._sock.close()

    def _greet(self, export: str, host: str, tls: ssl.SSLContext | None) -> None:
        magic, option_magic, flags = struct.unpack(">QQH", self._receive(18))
        if magic != _MAGIC or option_magic != _OPTION_MAGIC or not flags & _FIXED_NEWSTYLE:
            raise TargetError(f"what answers at {self._name} is no NBD server", hint="see what listens on that port")
        self._send(struct.pack(">I", _FIXED_NEWSTYLE | (flags & _NO_ZEROES)))
        if tls is not None:
            self._option(_OPT_STARTTLS, b"")
            if self._answer(_OPT_STARTTLS)[0] != _REP_ACK:
                raise TargetError(f"{self._name} answers TLS with nonsense", hint="see what listens on that port")
            try:
                self._sock = tls.wrap_socket(self._sock, server_hostname=host)
            except OSError as error:
                raise TargetError(f"no TLS with {self._name}: {error}"[:200], hint="see its certificate, and --ca") from None
        name = export.encode()
        self._option(_OPT_GO, struct.pack(">I", len(name)) + name + struct.pack(">H", 0))
        while True:
            kind, data = self._answer(_OPT_GO)
            if kind == _REP_ACK:
                break
            if kind == _REP_INFO and len(data) >= 12 and struct.unpack(">H", data[:2])[0] == _INFO_EXPORT:
                self.size_bytes, self._flags = struct.unpack(">QH", data[2:12])
        if not self._flags & _HAS_FLAGS:
            raise TargetError(f"{self._name} says nothing of its export", hint="see what listens on that port")

    def _option(self, option: int, data: bytes) -> None:
        self._send(struct.pack(">QII", _OPTION_MAGIC, option, len(data)) + data)

    def _answer(self, option: int) -> tuple[int, bytes]:
        magic, asked, kind, length = struct.unpack(">QIII", self._receive(20))
        if magic != _REPLY_MAGIC or asked != option or length > _MOST_REPLY:
            raise TargetError(f"{self._name} breaks the rules of NBD", hint="see what listens on that port")
        data = self._receive(length)
        if kind & _REP_ERROR:
            said = "".join(sign if sign.isprintable() else " " for sign in data.decode("utf-8", "replace"))[:200]
            why = _REFUSED.get(kind, f"error {kind & ~_REP_ERROR}")
            raise TargetError(f"{self._name} refuses: {why}" + (f" ({said})" if said else ""), hint="see the server's exports")
        return kind, data

    def _request(self, kind: int, offset: int, length: int, data: bytes | memoryview) -> None:
        while len(self._flying) >= _WINDOW:
            self._reply()
        self._handle += 1
        self._flying[self._handle] = f"{length} bytes at {offset}"
        self._send(struct.pack(">IHHQQI", _REQUEST, 0, kind, self._handle, offset, length))
        if len(data):
            self._send(data)

    def _reply(self) -> None:
        magic, error, handle = struct.unpack(">IIQ", self._receive(16))
        if magic != _SIMPLE or handle not in self._flying:
            raise TargetError(f"{self._name} breaks the rules of NBD", hint="see what listens on that port")
        what = self._flying.pop(handle)
        if error:
            why = _ERRORS.get(error, f"error {error}")
            hint = "make room there, then start again" if error == 28 else "see what the server's log says"
            raise Halted(f"{self._name} did not take {what}: {why}", hint=hint)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise self._lost(error.strerror or type(error).__name__) from None

    def _receive(self, length: int) -> bytes:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            try:
                taken = self._sock.recv_into(view)
            except OSError as error:
                raise self._lost(error.strerror or type(error).__name__) from None
            if not taken:
                raise self._lost("it hung up")
            view = view[taken:]
        return bytes(data)

    def _lost(self, why: str) -> Lost:
        return Lost(f"the connection to {self._name} broke: {why}", hint="see that the server is well, and start again")
