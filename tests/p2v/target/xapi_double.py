"""A strict stand-in for a pool of XCP-ng hosts, since no machine of ours holds one: XML-RPC over TLS, imports, exports, consoles.

A connection may be cut wherever somebody says; a call whose connection is gone goes on, and its task bears what the header said.
A chunk beyond the disk is a breach; an import leaves what it does not write as it was. What the calls do is in `xapi_records`.
"""

import socket
import ssl
import struct
import threading
import time
import xmlrpc.client
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .certificate import Certificate
from .xapi_records import MIB, Failure, Records, new_ref

# Calls that have a task of their own, which other clients see.
_ASYNC = (
    "VDI.create",
    "VDI.destroy",
    "VM.create",
    "VM.destroy",
    "VM.start",
    "VBD.create",
    "VIF.create",
    "VM.clone",
    "VM.hard_shutdown",
)


@dataclass(frozen=True)
class Cut:
    """Where the connection is cut: in the nth time of a phase, perhaps counted from the first failure that is answered on."""

    phase: str
    nth: int = 1
    for_good: bool = False  # nobody answers from then on
    after_failure: bool = False


class Pool(Records):
    """It answers on a port of this machine. `master` makes a member of it that only points at that."""

    def __init__(
        self, certificate: Certificate, *, kind: str = "ext", free: int = 1 << 40, master: str = "", keep_sessions: bool = False
    ) -> None:
        super().__init__(kind, free, master, keep_sessions=keep_sessions)
        self.called: list[str] = []
        self.imports = 0
        self.says: list[bytes] = [b"Booting\r\n\r\nold login: "]  # what a clone says, each time that its text console is opened
        self.ends_after_speech = False
        self.cut_at: dict[str, int] = {}  # phase → how often the connection is cut in it
        self.cut: Cut | None = None
        self.is_gone = False
        self.phases: Counter[str] = Counter()
        self.last_seconds = 0.5  # that a call goes on whose connection is cut "during" it
        self.cut_after = 3 * MIB  # bytes of an import
        self.redirect_imports = ""
        self.fails: dict[str, list[str]] = {}  # call → the failure it answers
        self.damage = False
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.path, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.RLock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def to(self) -> str:
        """Its address."""
        return f"xapi://root@127.0.0.1:{self.port}"

    def close(self) -> None:
        """No more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if self.is_gone:
                plain.close()
                continue
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as sock:
                file = sock.makefile("rb")
                while line := file.readline(8192):
                    method, target, _version = line.decode().split()
                    headers = {}
                    while header := file.readline(8192).decode().strip():
                        name, _, value = header.partition(":")
                        headers[name.lower()] = value.strip()
                    if method == "POST":
                        if not self._post(sock, file.read(int(headers["content-length"])), headers):
                            return
                        continue
                    if method == "CONNECT":
                        self._console(sock, target, headers)
                        return
                    self._stream(sock, file, method, target, headers)
                    return
        except (OSError, ssl.SSLError):
            pass

    def _cut(self, phase: str) -> bool:
        with self._lock:
            self.phases[phase] += 1
            if self.cut is not None and not self.cut.after_failure and self.cut.phase == phase:
                if self.cut.nth != self.phases[phase]:
                    return False
                self.is_gone = self.cut.for_good
                return True
            if self.cut_at.get(phase, 0) > 0:
                self.cut_at[phase] -= 1
                return True
        return False

    def _post(self, sock: ssl.SSLSocket, body: bytes, headers: dict[str, str]) -> bool:
        arguments, name = xmlrpc.client.loads(body.decode())
        assert name is not None
        self.called.append(name)
        if self._cut(f"before {name}"):
            return False
        if name in _ASYNC and self._cut(f"during {name}"):
            task = new_ref()
            told = {"p2v": headers["x-http-other-config-p2v"]} if "x-http-other-config-p2v" in headers else {}
            self._calls[task] = {"status": "pending", "other_config": told, "name_label": name}
            self._go_on(task, name, list(arguments))
            return False
        try:
            with self._lock:
                if name in self.fails:
                    raise Failure(*self.fails[name])
                answer: dict[str, Any] = {"Status": "Success", "Value": self.call(name, list(arguments))}
        except Failure as failure:
            answer = {"Status": "Failure", "ErrorDescription": [str(one) for one in failure.args]}
            if self.cut is not None and self.cut.after_failure:
                self.phases.clear()
                self.cut = replace(self.cut, after_failure=False, nth=1)
        if self._cut(f"after {name}"):
            return False
        text = xmlrpc.client.dumps((answer,), methodresponse=True).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        return True

    def _go_on(self, task: str, name: str, arguments: list[Any]) -> None:
        def later() -> None:
            with self._lock, suppress(Failure):
                self.call(name, arguments)
            self._calls[task]["status"] = "success"

        threading.Timer(self.last_seconds, later).start()

    def _console(self, sock: ssl.SSLSocket, target: str, headers: dict[str, str]) -> None:
        parts = urlsplit(target)
        if "session" in target:
            self.breach("a session in a request line")
        if _cookies(headers).get("session_id") not in self.sessions:
            sock.sendall(b"HTTP/1.1 401 Unauthorised\r\nContent-Length: 0\r\n\r\n")
            return
        vm = self.vms.get(parse_qs(parts.query)["ref"][0], {"power_state": "Halted"})
        if parts.path != "/console" or vm["power_state"] != "Running":
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        if self._cut("before a console"):
            return
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nCache-Control: no-cache, no-store\r\n\r\n")
        restarts = len(self.says) > 1
        sock.sendall(self.says.pop(0) if restarts else self.says[0])
        if self._cut("in a console") or restarts:
            return
        if self.ends_after_speech:
            vm["power_state"] = "Halted"
            return
        with suppress(OSError):
            sock.recv(1)

    def _stream(self, sock: ssl.SSLSocket, file: Any, method: str, target: str, headers: dict[str, str]) -> None:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "session_id" in query and headers.get("user-agent") == "p2v":
            self.breach("a session in a request line")
        if (_cookies(headers).get("session_id") or query.get("session_id")) not in self.sessions:
            sock.sendall(b"HTTP/1.1 401 Unauthorised\r\nContent-Length: 0\r\n\r\n")
            return
        if (method, parts.path) == ("GET", "/export_raw_vdi") and query.get("format") == "raw":
            self._export(sock, self.vdis[query["vdi"]])
            return
        if (method, parts.path) != ("PUT", "/import_raw_vdi") or query.get("vdi") not in self.vdis:
            self.breach(f"{method} {parts.path}")
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        if "transfer-encoding" in headers:
            self.breach("chunked HTTP is refused by XAPI")
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        if query.get("format") != "raw" or (query.get("chunked") != "true" and "content-length" not in headers):
            self.breach("neither a length nor chunk records")
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        if self.redirect_imports:
            to = f"{self.redirect_imports}{target}".encode()
            self.redirect_imports = ""
            sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")
            return
        if self._cut("before an import"):
            return
        if "chunked" not in query:
            # One stream of known length from the disk's beginning on, as curl sends it.
            self._whole(file, self.vdis[query["vdi"]]["data"], int(headers["content-length"]))
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        self.imports += 1
        if self.tasks.get(query["task_id"], {}).get("status") != "pending":
            self.breach("an import for a task that is not pending")
            return
        vdi, task = self.vdis[query["vdi"]], query["task_id"]
        vdi["busy"] = True
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            if not self._records(file, vdi["data"]):
                self.ended(task, "failure", "VDI_IO_ERROR", "the connection broke")
                return
            time.sleep(0.05)
            if self.damage:
                vdi["data"][0] ^= 1
            self.ended(task, "success")
        finally:
            vdi["busy"] = False

    def _whole(self, file: Any, data: bytearray, length: int) -> None:
        place = 0
        while place < length and (block := file.read(min(MIB, length - place))):
            data[place : place + len(block)] = block
            place += len(block)

    def _records(self, file: Any, data: bytearray) -> bool:
        taken = 0
        while True:
            header = file.read(12)
            if len(header) < 12:
                return False
            offset, length = struct.unpack("<QI", header)
            if (offset, length) == (0, 0):
                return not self._cut("at the end of an import")
            if length == 0 or offset + length > len(data):
                self.breach(f"a record of {length} bytes at {offset}")
                return False
            block = file.read(length)
            if len(block) < length:
                return False
            data[offset : offset + length] = block
            taken += length
            if taken > self.cut_after and self._cut("in an import"):
                return False

    def _export(self, sock: ssl.SSLSocket, vdi: dict[str, Any]) -> None:
        if self._cut("before an export"):
            return
        data = bytes(vdi["data"])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        if self._cut("in an export"):
            sock.sendall(data[: len(data) // 2])
            return
        sock.sendall(data)


def _cookies(headers: dict[str, str]) -> dict[str, str]:
    return dict(one.strip().partition("=")[::2] for one in headers.get("cookie", "").split(";"))
