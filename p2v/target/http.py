"""A web server that takes PUT: an image a disk, as one stream of known length.

After a lost connection the server is asked what it has, by a PUT of nothing with `Content-Range: bytes */LENGTH`. One that knows
resumable uploads answers 308 with the range that is there (draft-ietf-httpbis-resumable-upload's forerunner, as Google's storage
has it), and the rest follows; with any other the image is sent again from its beginning.
"""

import base64
import http.client
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import quote

from xeninstall.base.errors import Error, UsageError

from ..journal import Journal
from ..sink.forward import ForwardSink
from .address import Address
from .comparing import compare
from .model import Lost, NotRemoved, Peer, Storage, TargetError, Wanted
from .password import Password
from .remembering import Bytes, only_fresh, several
from .tls import TIMEOUT_SECONDS, Trusted, connected, failed

_RANGE = re.compile(r"bytes=0-(\d{1,18})")
_RESUME_INCOMPLETE = 308
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_LEAVE_SECONDS = 3.0
_MOST_HEAD = 16 * 1024


class HttpTarget:
    """See Target. `trusted` is None without TLS."""

    formats: Sequence[str] = ("qcow2", "raw", "vhd")
    tries = False
    remarks: Sequence[str] = ()

    def __init__(self, address: Address, password: Password | None, trusted: Trusted | None) -> None:
        self._address, self._trusted = address, trusted
        if trusted is not None:
            trusted.check()
        if password is not None and trusted is None:
            raise UsageError("a password over http:// is read by everybody on the way", hint="write https://")
        if password is not None and not address.user:
            raise UsageError("a password is given, but no user", hint=f"write {address.scheme}://user@{address.host}/…")
        self._login = {}
        if password is not None:
            pair = f"{address.user}:{password.text}".encode("utf-8", "surrogateescape")
            self._login = {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    @property
    def name(self) -> str:
        """See Target."""
        return self._address.shown

    def login(self) -> Peer:
        """See Target: whether it answers at all, and shows the right certificate."""
        connection, fingerprint = connected(self._address.host, self._port, self._trusted)
        connection.close()
        return Peer(self._address.host, "a web server", fingerprint)

    def storages(self) -> Sequence[Storage]:
        """See Target: a web server lists none."""
        return ()

    def deliver(self, wanted: Wanted) -> "HttpDelivery":
        """See Target. Raises UsageError when something is there already."""
        only_fresh(wanted, "a web server")
        if not self._address.place:
            raise UsageError(f"{self.name} names no file", hint=f"write {self.name}/folder/{quote(wanted.name)}.qcow2")
        places = several(self._address.place, wanted)
        for one in places:
            status = self.short("HEAD", one)[0]
            if 200 <= status < 300:
                raise UsageError(f"{self._shown(one)} exists already", hint="choose another name, or remove it")
            if status in (401, 403):
                raise TargetError(
                    f"{self._shown(one)} is refused (status {status})", hint="give user and --password, or allow it there"
                )
        return HttpDelivery(self, places, [self._shown(one) for one in places])

    def close(self) -> None:
        """See Target."""

    def ask(self, method: str, place: str, headers: dict[str, str]) -> http.client.HTTPConnection:
        """Send the head of a request; body and answer are for the caller."""
        connection, _ = connected(self._address.host, self._port, self._trusted)
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        usual = {"Host": f"{host}:{self._port}", "User-Agent": "p2v", "Connection": "close", **self._login, **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in usual.items())
        try:
            assert connection.sock is not None
            connection.sock.sendall(f"{method} /{quote(place)} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        except OSError as error:
            connection.close()
            raise failed(error, self._address.host) from None
        return connection

    def answer(self, connection: http.client.HTTPConnection, method: str) -> http.client.HTTPResponse:
        """The head of the answer. Raises Lost, TargetError."""
        try:
            assert connection.sock is not None
            response = http.client.HTTPResponse(connection.sock, method=method)
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            raise failed(error, self._address.host) from None
        return response

    def leave(self, connection: http.client.HTTPConnection) -> int | None:
        """Wait a little for leave to send the body; None when it came, or when the server does not know that word.

        Else the status of an answer that did not wait for it. Raises Lost.
        """
        said = b""
        assert connection.sock is not None
        try:
            connection.sock.settimeout(_LEAVE_SECONDS)
            while not said.endswith(b"\r\n\r\n") and len(said) < _MOST_HEAD:
                # Byte by byte: what follows belongs to the real answer.
                byte = connection.sock.recv(1)
                if not byte:
                    raise Lost(f"{self._address.host} hung up without an answer", hint="start again")
                said += byte
        except TimeoutError:
            return None
        except OSError as error:
            raise failed(error, self._address.host) from None
        finally:
            connection.sock.settimeout(TIMEOUT_SECONDS)
        found = _STATUS.match(said)
        if found is None:
            raise TargetError(f"what {self._address.host} answers is not HTTP", hint="see what listens on that port")
        return None if found[1] == b"100" else int(found[1])

    def short(self, method: str, place: str, headers: dict[str, str] | None = None) -> tuple[int, http.client.HTTPMessage]:
        """Status and headers of a request without a body."""
        connection = self.ask(method, place, {"Content-Length": "0", **(headers or {})})
        try:
            response = self.answer(connection, method)
            return response.status, response.headers
        finally:
            connection.close()

    def judged(self, status: int, place: str) -> Error | None:
        """What a status after a PUT means; None for success."""
        shown = self._shown(place)
        if 200 <= status < 300:
            return None
        if status in (401, 403):
            return TargetError(f"{shown} is refused (status {status})", hint="give user and --password, or allow PUT there")
        if status in (404, 405, 409, 501):
            return TargetError(f"{shown} cannot be put there (status {status})", hint="make the folder, or allow PUT there")
        if status in (413, 507):
            return TargetError(f"{shown} is too large for the server (status {status})", hint="make room, or raise its limit")
        if status >= 500 or status in (408, 425, 429):
            return Lost(f"the server of {shown} failed (status {status})", hint="see what its log says")
        return TargetError(f"{shown} is answered with status {status}", hint="see what the server's log says")

    def _shown(self, place: str) -> str:
        return f"{self._address.scheme}://{self._address.host}/{place}"

    @property
    def _port(self) -> int:
        return self._address.port or (443 if self._trusted is not None else 80)


class HttpDelivery(Bytes):
    """See Delivery."""

    checkpoint_seconds = 3600.0  # nothing is certain before the server answers

    def __init__(self, target: HttpTarget, paths: Sequence[str], shown: Sequence[str]) -> None:
        super().__init__(shown)
        self._target, self._paths = target, paths
        self._sinks: dict[int, HttpSink] = {}

    def sink(self, number: int, at: int, length: int) -> "HttpSink":
        """See Delivery."""
        path, there, before = self._paths[number], 0, self._sinks.get(number)
        if before is not None:
            status, headers = self._target.short("PUT", path, {"Content-Range": f"bytes */{length}"})
            found = _RANGE.fullmatch(headers.get("Range", "")) if status == _RESUME_INCOMPLETE else None
            there = min(int(found[1]) + 1, length) if found else 0
        # What was taken for sent may not have arrived; what arrived may be more than was journaled.
        at = self._journals[number].rewind(there) if number in self._journals else at
        sink = HttpSink(self._target, path, self.places[number], at, there, length)
        sink.is_there = before is not None and before.is_there
        self._sinks[number] = sink
        return sink

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery. Some servers take images and show none."""
        connection = self._target.ask("GET", self._paths[number], {})
        try:
            response = self._target.answer(connection, "GET")
            if response.status != 200:
                return f"not compared, since the server does not show it (status {response.status})"
            total = journal.record.length_bytes or 0
            return compare(response, journal, total, self.places[number], "check the server's disk", tell)
        except (OSError, http.client.HTTPException) as error:
            raise failed(error, self.places[number]) from None
        finally:
            connection.close()

    def abort(self) -> None:
        """See Delivery. Many a server takes images and removes none."""
        left = []
        for number, sink in sorted(self._sinks.items()):
            try:
                status = self._target.short("DELETE", self._paths[number])[0]
            except Error:
                status = 0
            if sink.is_there and not 200 <= status < 300 and status not in (404, 410):
                left.append(self.places[number])
        if left:
            raise NotRemoved(left)


class HttpSink(ForwardSink):
    """See Sink: the body of one PUT. What the server has already, up to `there`, is passed over."""

    def __init__(self, target: HttpTarget, path: str, name: str, at: int, there: int, length: int) -> None:
        super().__init__(name, at)
        self._target, self._path, self._there, self._length = target, path, there, length
        self._connection: http.client.HTTPConnection | None = None
        self.is_there = False  # whether the server may have kept some of it

    def put(self, offset: int, data: memoryview) -> None:
        """See ForwardSink. What the server has already is not sent again."""
        data = data[max(self._there - offset, 0) :]
        if not data:
            return
        if self._connection is None:
            self._begin()
        assert self._connection is not None
        assert self._connection.sock is not None
        try:
            self._connection.sock.sendall(data)
        except OSError as error:
            raise self._why(error) from None

    def _begin(self) -> None:
        headers = {"Content-Length": str(self._length - self._there), "Content-Type": "application/octet-stream"}
        headers["Expect"] = "100-continue"
        if self._there:
            headers["Content-Range"] = f"bytes {self._there}-{self._length - 1}/{self._length}"
        self._connection = self._target.ask("PUT", self._path, headers)
        before, self.is_there = self.is_there, True
        status = self._target.leave(self._connection)
        if status is not None:
            self.is_there = before
            raise self._target.judged(status, self._path) or Lost(f"{self._name} was answered too early", hint="start again")

    def sync(self) -> None:
        """Nothing is certain before the server answers: until then what is journaled can be taken back."""

    def finish(self, length: int) -> None:
        """The server has it."""
        assert self._at == length == self._length, f"{self._at} bytes were written instead of {self._length}"
        if self._connection is None:
            return  # All of it was there already.
        wrong = self._target.judged(self._target.answer(self._connection, "PUT").status, self._path)
        if wrong is not None:
            raise wrong

    def close(self) -> None:
        """See Sink."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _why(self, error: OSError) -> Error:
        """A server that does not want more says so before it hangs up."""
        assert self._connection is not None and self._connection.sock is not None
        with suppress(Error, OSError):
            self._connection.sock.settimeout(2)
            wrong = self._target.judged(self._target.answer(self._connection, "PUT").status, self._path)
            if wrong is not None:
                return wrong
        return failed(error, self._name)
