"""Bytes of a disk to and from a host of XAPI: an import by chunk records, a request whose reply is a stream.

The import is `PUT /import_raw_vdi?…&format=raw&chunked=true`: the host answers 200 first, then takes records, little-endian {u64
offset, u32 length} and data, up to {0, 0}; what became of it, its task tells (xen-api's `import_raw_vdi.ml`, `stream_vdi`). It
never zeroes what is left out, so that on LVM the holes are sent. Every so often an import is ended and another begun, since only
an ended one is certain to have arrived. Each has a task, by which other clients of the pool see it and how far the disk is.
"""

import http.client
import struct
import threading
import time
from contextlib import suppress
from urllib.parse import urlencode, urljoin, urlsplit

from xeninstall.base.errors import Error, Stopped
from xeninstall.base.sizes import MIB

from .model import Lost, TargetError
from .tls import Trusted, connected, failed
from .xapi_calls import Calls, Refused
from .xapi_made import Made, end_task

_RECORD = struct.Struct("<QI")
_MOST_RECORD = 4 * MIB
_ZEROS = memoryview(bytes(_MOST_RECORD))
_TASK_SECONDS = 600.0
PROGRESS_SECONDS = 5.0
_REDIRECTS = 3
_BROKEN = ("VDI_IO_ERROR", "INTERNAL_ERROR", "CLIENT_ERROR", "cancelled")


class XapiSink:
    """See Sink: records down one connection; `sync` ends the import and waits for its task.

    `zeroed_bytes` is the size of a VDI in which everything has to be written, zeros too; 0 for one that begins as zeros.
    """

    any_order = False

    def __init__(
        self, calls: Calls, trusted: Trusted, made: Made, vdi: str, name: str, length_bytes: int, zeroed_bytes: int
    ) -> None:
        self._calls, self._trusted, self._made, self._length = calls, trusted, made, length_bytes
        self._vdi, self._name, self._zeroed = vdi, name, zeroed_bytes
        self._connection: http.client.HTTPConnection | None = None
        self._task = ""
        self._told, self._tells = -PROGRESS_SECONDS, True
        # A checkpoint is made by another thread than the one that writes.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """See Sink."""
        return self._name

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink."""
        with self._lock:
            if self._connection is None:
                self._begin()
            for start in range(0, len(data), _MOST_RECORD):
                part = data[start : start + _MOST_RECORD]
                self._send(_RECORD.pack(offset + start, len(part)))
                self._send(part)
            self._tell(offset + len(data))

    def skip(self, offset: int, length: int) -> None:
        """See Sink."""
        self.zero(offset, length)

    def zero(self, offset: int, length: int) -> None:
        """Sent where what is left out would keep what another disk left there."""
        while self._zeroed and length > 0:
            step = min(length, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def read(self, offset: int, length: int) -> bytes:
        """Nothing that is sent here is asked for again."""
        raise NotImplementedError(f"{self._name} is not read back: {length} bytes at {offset}")

    def sync(self) -> None:
        """End the import, and see that it ended well."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._connection is None:
            return
        self._send(_RECORD.pack(0, 0))
        connection, self._connection = self._connection, None
        try:
            assert connection.sock is not None
            connection.sock.settimeout(_TASK_SECONDS)
            while connection.sock.recv(4096):
                pass
        except OSError:
            pass  # The task tells what became of it.
        finally:
            connection.close()
        self._await_task()

    def finish(self, length: int) -> None:
        """See Sink. What the storage rounded the disk up by is zeroed, too."""
        self.zero(length, self._zeroed - length)
        self.sync()

    def close(self) -> None:
        """See Sink."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._task:
            with suppress(Error):  # What stays of it is removed at the end.
                end_task(self._calls, self._task)
            self._task = ""

    def _begin(self) -> None:
        self._task = self._made.task(f"p2v import: {self._name}")
        query = {"task_id": self._task, "vdi": self._vdi, "format": "raw", "chunked": "true"}
        self._connection, _ = asked(self._calls, self._trusted, "PUT", f"/import_raw_vdi?{urlencode(query)}")

    def _tell(self, done_bytes: int) -> None:
        """Say in the task how far the disk is: of records the host does not know how many are to come. Since XenServer 8.0."""
        now = time.monotonic()
        if not self._tells or now < self._told + PROGRESS_SECONDS:
            return
        self._told = now
        try:
            self._calls.call("task.set_progress", self._task, min(done_bytes / max(self._length, 1), 1.0))
        except Stopped:
            return  # what else is sent finds that out
        except Error:
            self._tells = False

    def _send(self, data: bytes | memoryview) -> None:
        assert self._connection is not None and self._connection.sock is not None
        try:
            self._connection.sock.sendall(data)
        except OSError as error:
            raise failed(error, self._calls.host) from None

    def _await_task(self) -> None:
        calls, until = self._calls, time.monotonic() + _TASK_SECONDS
        wait = 0.02
        while True:
            record = calls.call("task.get_record", self._task)
            if record["status"] != "pending":
                break
            if time.monotonic() > until:
                raise Lost(f"{calls.host} does not end an import", hint="see its tasks: xe task-list")
            time.sleep(wait)
            wait = min(wait * 2, 1.0)
        task, self._task = self._task, ""
        with suppress(Error):
            calls.call("task.destroy", task)
        if record["status"] != "success":
            told = [str(one)[:500] for one in record.get("error_info") or [record["status"]]]
            refused = Refused(calls.host, "import_raw_vdi", told)
            # What the host says of an import whose connection broke at its end: it is worth another.
            raise Lost(refused.message, hint=refused.hint) if refused.code in _BROKEN else refused


def asked(calls: Calls, trusted: Trusted, method: str, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """A request without a body of a known length, answered with 200. Another host of the pool may have the disk."""
    host, port = calls.host, calls.port
    for _ in range(_REDIRECTS):
        connection, _ = connected(host, port, trusted)
        try:
            # By hand: http.client lets go of a socket that the host says it will close, and the records are still to follow.
            assert connection.sock is not None
            asked = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: p2v\r\nConnection: close\r\n"
            # In a cookie: a host writes request lines into its log.
            asked += f"Cookie: session_id={calls.session}\r\n\r\n"
            connection.sock.sendall(asked.encode("ascii"))
            response = http.client.HTTPResponse(connection.sock, method=method)
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise failed(error, host) from None
        if response.status == 200:
            return connection, response
        location = response.headers.get("Location", "")
        connection.close()
        if response.status in (301, 302, 307):
            to = urlsplit(urljoin(f"https://{host}:{port}{path}", location))
            if to.scheme != "https" or not to.hostname:
                raise TargetError(f"{host} sends us to a place without TLS", hint="see what answers there")
            host, port, path = to.hostname, to.port or 443, f"{to.path}?{to.query}"
            continue
        if response.status in (401, 403):
            raise Lost(f"{host} has ended the session", hint="go on with --resume")
        raise TargetError(
            f"{host} answers {path.partition('?')[0]} with status {response.status}", hint="see xensource.log on the host"
        )
    raise TargetError(f"{host} is redirected again and again", hint="see that the pool's hosts see each other")
