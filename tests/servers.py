"""Real servers on loopback: each request is answered by the next reply of a script, over plain HTTP or TLS."""

import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """One reply: a status, headers, a body; `hang` says nothing at all, `drip` says a byte now and then, `raw` no HTTP."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drip: bool = False
    raw: bytes = b""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Server(ThreadingHTTPServer):
    """Answers by its script, whose last reply is repeated; remembers what it was asked."""

    daemon_threads = True

    def __init__(self, *script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = list(script) or [Answer()]
        self.asked: list[Asked] = []
        self.released = threading.Event()
        self.scheme = "http"

    def url(self, path: str = "/answers.toml", login: str = "") -> str:
        return f"{self.scheme}://{login}127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        return  # clients that hang up are what some tests are about


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _reply(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.asked.append(Asked(self.command, self.path, self.rfile.read(length), dict(self.headers.items())))
        answer = self.server.script.pop(0) if len(self.server.script) > 1 else self.server.script[0]
        if answer.hang:
            self.server.released.wait(30)
            return
        if answer.raw:
            self.wfile.write(answer.raw)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.drip:
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        else:
            self.wfile.write(answer.body)

    do_GET = do_POST = _reply

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving(*script: Answer, certificate: Path | None = None) -> Iterator[Server]:
    """A server at work; with a certificate (PEM with its key) over TLS."""
    with Server(*script) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


def openssl(*argv: str, cwd: Path) -> str:
    """Run openssl and return what it prints."""
    return subprocess.run(["openssl", *argv], cwd=cwd, check=True, capture_output=True, text=True).stdout


def authority(place: Path) -> Path:
    """A private certificate authority: ca.pem and ca.key."""
    subject = ("-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
            "-keyout", "ca.key", "-out", "ca.pem", *subject, cwd=place)  # fmt: skip
    return place / "ca.pem"


def certified(place: Path, name: str, alternative: str = "IP:127.0.0.1", *dates: str) -> Path:
    """A server's certificate by that authority, with its key in one file; `dates` are options of `openssl x509`."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=place)  # fmt: skip
    (place / f"{name}.ext").write_text(f"subjectAltName={alternative}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem", *(dates or ("-days", "30")), cwd=place)  # fmt: skip
    both = place / f"{name}.both"
    both.write_text((place / f"{name}.pem").read_text() + (place / f"{name}.key").read_text())
    return both


def fingerprint(certificate: Path) -> str:
    """As `openssl x509 -fingerprint -sha256` prints it, with its colons."""
    return (
        openssl("x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256", cwd=certificate.parent)
        .partition("=")[2]
        .strip()
    )
