"""Packs from a web server: whole, or a message that says what happened. The URL, which may hold a token, is told to nobody."""

import logging
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xeninstall.packs.fetch import is_url, plain_url
from xeninstall.packs.tree import Limits

from .given import FILES, folder, pack_in, refusal


class Server(BaseHTTPRequestHandler):
    """What it says depends on the path."""

    archive = b""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        match path:
            case "/pack.tar" | "/half":
                self._say(200, ("Content-Length", str(len(self.archive))))
                self.wfile.write(self.archive if path == "/pack.tar" else self.archive[: len(self.archive) // 2])
            case "/endless":
                self._say(200)
                try:
                    while True:
                        self.wfile.write(bytes(65536))
                except OSError:
                    return
            case "/large":
                self._say(200, ("Content-Length", str(2**40)))
            case "/moved":
                self._say(302, ("Location", "/pack.tar"))
            case "/to-file":
                self._say(302, ("Location", "file:///etc/passwd"))
            case "/circle":
                self._say(302, ("Location", "/circle"))
            case _:
                self._say(404)

    def _say(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("served")
    files = {**FILES, "firmware/more": b"x" * 200_000}
    subprocess.run(["tar", "-C", folder(place / "pack", files), "-cf", place / "pack.tar", "."], check=True)
    Server.archive = (place / "pack.tar").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("path", ["pack.tar", "moved"])
def test_a_pack_is_downloaded(url: str, path: str, tmp_path: Path) -> None:
    assert set(FILES) < set(pack_in(f"{url}/{path}", tmp_path / "place").manifest.files)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("half", "it was cut off half-way -> try it again"),
        ("gone", "the server answers 404 -> look at the address, and at the server"),
        ("large", "it is larger than a pack may be -> look at what this is"),
        ("circle", "it leads from address to address without an end -> name the address of the pack itself"),
        ("to-file", "curl failed with status 1 -> try it again"),
    ],
)
def test_what_stands_against_it_is_said(url: str, path: str, said: str, tmp_path: Path) -> None:
    assert refusal(f"{url}/{path}?token=secret", tmp_path / "place") == f"{url}/{path} cannot be downloaded: {said}"


def test_a_stream_without_an_end_is_ended(url: str, tmp_path: Path) -> None:
    said = refusal(f"{url}/endless", tmp_path / "place", Limits(bytes=1_000_000))
    assert "larger than" in said


def test_nobody_there_is_said(tmp_path: Path) -> None:
    said = refusal("http://127.0.0.1:1/x", tmp_path / "place")
    assert said == (
        "http://127.0.0.1:1/x cannot be downloaded: nobody answers there -> look at the network, and whether the server runs"
    )


def test_the_token_in_a_url_is_in_no_log_and_no_argument(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        pack_in(f"{url}/pack.tar?token=secret", tmp_path / "place")
        refusal(f"{url}/gone?token=secret", tmp_path / "place")
    assert "curl" in caplog.text
    assert "secret" not in caplog.text


def test_only_http_is_a_url() -> None:
    assert is_url("https://example.org/x") and is_url("HTTP://example.org")
    assert not is_url("file:///etc/passwd") and not is_url("/a/b") and not is_url("https://exa mple.org")
    assert plain_url("https://a:b@[2001:db8::1]:1/x?y#z").endswith(":1/x")
