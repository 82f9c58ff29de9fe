"""Images to web servers by PUT: one that only knows the whole, one that knows resumable uploads, over TLS; cut and refused."""

import base64
import random
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from p2v import sending
from p2v.cli import main
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.certificate import Certificate


class Store(ThreadingHTTPServer):
    """Files in memory. `resumable`: it keeps what came before a connection broke, and says how much. `cuts`: after so much."""

    daemon_threads = True

    def __init__(self, certificate: Certificate | None, *, resumable: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.partial: dict[str, bytes] = {}
        self.resumable, self.cuts = resumable, list[int]()
        self.refuse = self.keeps = 0  # the status of a PUT, of a DELETE
        self.hidden = False
        self.received = 0
        self.seen: list[tuple[str, str, str]] = []
        self.login = ""
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.path, certificate.key)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def to(self, place: str = "images/old.qcow2", user: str = "") -> str:
        return f"{self.scheme}://{user}127.0.0.1:{self.server_address[1]}/{place}"

    def handle_error(self, request: object, client_address: object) -> None:
        return


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def _reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _allowed(self) -> bool:
        self.server.seen.append((self.command, self.path, self.headers.get("Content-Range") or ""))
        wanted = "Basic " + base64.b64encode(self.server.login.encode()).decode()
        if self.server.login and self.headers.get("Authorization") != wanted:
            self._reply(401)
            return False
        return True

    def do_HEAD(self) -> None:
        if self._allowed():
            self._reply(200 if self.path in self.server.files else 404)

    def do_GET(self) -> None:
        if self._allowed():
            found = None if self.server.hidden else self.server.files.get(self.path)
            self._reply(200 if found is not None else 404, body=found or b"")

    def do_DELETE(self) -> None:
        if self._allowed() and self.server.keeps:
            self._reply(self.server.keeps)
        elif self._allowed():
            self.server.files.pop(self.path, None)
            self.server.partial.pop(self.path, None)
            self._reply(204)

    def handle_expect_100(self) -> bool:
        if self.server.refuse:
            self.close_connection = True
            self._reply(self.server.refuse)
            return False
        return super().handle_expect_100()

    def do_PUT(self) -> None:
        if not self._allowed():
            return
        server, length = self.server, int(self.headers["Content-Length"])
        asked = self.headers.get("Content-Range") or ""
        if asked.startswith("bytes */"):
            have = len(server.partial.get(self.path, b""))
            if not server.resumable:
                self._reply(400)
            else:
                self._reply(308, {"Range": f"bytes=0-{have - 1}"} if have else {})
            return
        start, total = 0, length
        if asked:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", asked)
            assert found
            start, total = int(found[1]), int(found[3])
            assert int(found[2]) == total - 1 and length == total - start
        before = server.partial.get(self.path, b"")[:start]
        assert len(before) == start
        most = server.cuts.pop(0) if server.cuts else length
        body = b""
        while len(body) < min(length, most):
            block = self.rfile.read(min(65536, min(length, most) - len(body)))
            if not block:
                break
            body += block
        server.received += len(body)
        if len(body) < length:
            server.partial[self.path] = before + body
            self.connection.close()
            self.close_connection = True
            return
        server.files[self.path] = before + body
        self._reply(201)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("web"), "web")


@pytest.fixture(params=[False, True], ids=["whole", "resumable"])
def store(request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.1,) * 5)
    made = Store(certificate, resumable=request.param)
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 40 * MIB + 512, (0, 3, 4, 5, 6, 7, 8, 9, 30), seed=9)


def same(store: Store, disk: Path, tmp_path: Path, place: str = "/images/old.qcow2") -> None:
    image = tmp_path / "back.qcow2"
    image.write_bytes(store.files[place])
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, image], check=True, capture_output=True)


def test_an_image_arrives_over_tls(store: Store, certificate: Certificate, disk: Path, tmp_path: Path) -> None:
    store.login = "me:correct horse"
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    options = ["--fingerprint", certificate.fingerprint, "--password", f"file:{secret}"]
    assert main(["convert", str(disk), "--to", store.to(user="me@"), *options]) == 0
    same(store, disk, tmp_path)


def test_a_broken_connection_goes_on_where_the_server_says_so(
    store: Store, certificate: Certificate, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.cuts = [3 * MIB + 77, 2 * MIB + 5, 0]
    assert main(["convert", str(disk), "--to", store.to(), "--ca", str(certificate.path), "--limit", "60M"]) == 0
    same(store, disk, tmp_path)
    assert "trying again in" in capsys.readouterr().err
    length = len(store.files["/images/old.qcow2"])
    assert store.received == (length if store.resumable else length + 5 * MIB + 82)


def test_raw_images_of_two_disks(store: Store, certificate: Certificate, disk: Path, tmp_path: Path) -> None:
    other = tmp_path / "second.img"
    other.write_bytes(random.Random(10).randbytes(MIB))
    options = ["--format", "raw", "--ca", str(certificate.path)]
    assert main(["convert", str(disk), str(other), "--to", store.to("a b/vm.img"), *options]) == 0
    assert store.files == {"/a%20b/vm-disk0.img": disk.read_bytes(), "/a%20b/vm-disk1.img": other.read_bytes()}


def test_a_server_that_shows_nothing_is_believed_and_that_is_said(
    store: Store, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.hidden = True
    assert main(["convert", str(disk), "--to", store.to(), "--ca", str(certificate.path)]) == 0
    assert "not compared, since the server does not show it (status 404)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, 1, "is refused (status 403)"),
        (405, 1, "cannot be put there (status 405)"),
        (507, 1, "is too large for the server (status 507)"),
        (503, 1, "failed (status 503)"),
    ],
)
def test_refusals_are_told_and_nothing_is_left(
    store: Store, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str], status: int, code: int, message: str
) -> None:
    store.refuse = status
    assert main(["convert", str(disk), "--to", store.to(), "--ca", str(certificate.path)]) == code
    assert message in capsys.readouterr().err
    assert not store.files and ("DELETE", "/images/old.qcow2", "") in store.seen


@pytest.mark.parametrize("status", [403, 405, 500])
def test_what_a_server_does_not_remove_is_named(
    store: Store,
    certificate: Certificate,
    disk: Path,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sending, "WAITS_SECONDS", ())
    store.keeps, store.cuts = status, [MIB]
    assert main(["convert", str(disk), "--to", store.to(), "--ca", str(certificate.path)]) == 1
    said, shown = capsys.readouterr().err, "https://127.0.0.1/images/old.qcow2"
    assert f"could not be removed: look there for {shown}" in said and "was removed" not in said


def test_what_a_server_never_took_is_not_said_to_stay(
    store: Store, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was refused before anything of it was sent."""
    store.keeps, store.refuse = 405, 403
    assert main(["convert", str(disk), "--to", store.to(), "--ca", str(certificate.path)]) == 1
    said = capsys.readouterr().err
    assert "is refused (status 403)" in said and "could not be removed" not in said


@pytest.mark.parametrize(
    ("to", "options", "code", "message"),
    [
        ("images/there.qcow2", [], 2, "/images/there.qcow2 exists already"),
        ("", [], 2, "names no file"),
        ("x.vmdk", ["--format", "vmdk"], 2, "takes no vmdk"),
        ("x.qcow2", ["--compress"], 2, "how long a compressed image becomes is not known beforehand"),
        ("x.qcow2", ["--password", "env:HOME"], 2, "a password is given, but no user"),
        ("x.qcow2", ["--resume"], 2, "a web server keeps nothing of a stopped conversion"),
        ("x.qcow2", ["--start"], 1, "runs no virtual machines (a web server)"),
    ],
)
def test_what_cannot_be_done_is_said(
    store: Store,
    certificate: Certificate,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    to: str,
    options: list[str],
    code: int,
    message: str,
) -> None:
    store.files["/images/there.qcow2"] = b"another's"
    assert main(["convert", str(disk), "--to", store.to(to), "--ca", str(certificate.path), *options]) == code
    assert message in capsys.readouterr().err
    assert store.files == {"/images/there.qcow2": b"another's"}


def test_a_password_does_not_go_over_plain_http(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(disk), "--to", "http://me@127.0.0.1/x.img", "--password", "env:HOME"]) == 2
    assert "is read by everybody on the way" in capsys.readouterr().err


def test_plain_http_works_where_it_must(disk: Path, tmp_path: Path) -> None:
    plain = Store(None, resumable=False)
    assert main(["convert", str(disk), "--to", plain.to()]) == 0
    same(plain, disk, tmp_path)
    plain.shutdown()
    plain.server_close()
