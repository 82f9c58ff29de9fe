"""One exchange with a server: every way in which it fails has its words, and none of them a secret."""

import base64
import http.client
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.servers import Answer, authority, certified, fingerprint, serving
from xeninstall.base.http import HttpError, Trouble, Trust, exchange

_LOGIN = "MARKERUSER:MARKERPASS%40@"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("certificates")
    authority(place)
    certified(place, "good")
    certified(place, "elsewhere", "DNS:elsewhere.example.org")
    certified(place, "old", "IP:127.0.0.1", "-days", "-1")
    return place


def _fails(url: str, **more: object) -> HttpError:
    with pytest.raises(HttpError) as caught:
        exchange(url, **more)  # type: ignore[arg-type]
    said = caught.value.message + caught.value.hint + repr(caught.value) + repr(caught.value.__cause__)
    assert "MARKER" not in said
    assert caught.value.hint
    return caught.value


def test_a_file_is_fetched_and_a_login_goes_along() -> None:
    with serving(Answer(body=b"x = 1\n", headers={"Content-Type": "text/plain; charset=utf-8"})) as server:
        reply = exchange(server.url("/a/b?c=d", _LOGIN))
    assert (reply.status, reply.content_type, reply.body) == (200, "text/plain", b"x = 1\n")
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/a/b?c=d")
    assert asked.headers["Authorization"] == "Basic " + base64.b64encode(b"MARKERUSER:MARKERPASS@").decode()


def test_a_body_is_posted() -> None:
    with serving(Answer(201, b"ok")) as server:
        assert exchange(server.url(), body=b"{}").body == b"ok"
    assert (server.asked[0].method, server.asked[0].body) == ("POST", b"{}")


@pytest.mark.parametrize(
    ("status", "says", "transient"),
    [
        (404, "there is no {url} (status 404)", False),
        (403, "the server does not let this machine have {url} (status 403)", False),
        (401, "the server does not let this machine have {url} (status 401)", False),
        (500, "the server of {url} failed (status 500)", True),
        (503, "the server of {url} failed (status 503)", True),
        (429, "the server of {url} answers with status 429", True),
        (400, "the server of {url} answers with status 400", False),
        (304, "the server of {url} answers with status 304", False),
    ],
)
def test_each_status_has_its_words(status: int, says: str, transient: bool) -> None:
    with serving(Answer(status)) as server:
        error = _fails(server.url("/a?token=MARKER", _LOGIN))
        assert error.message == says.format(url=server.url("/a"))
        assert (error.trouble, error.status, error.transient) == (Trouble.STATUS, status, transient)


def test_a_server_without_answers_for_this_machine_says_so() -> None:
    with serving(Answer(404)) as server:
        assert _fails(server.url("/a"), body=b"{}").message == f"{server.url('/a')} has nothing for this machine (status 404)"


def test_a_redirection_on_the_same_host_is_followed_with_the_login() -> None:
    with serving(Answer(302, headers={"Location": "/b"}), Answer(body=b"b")) as server:
        assert exchange(server.url("/a", _LOGIN)).body == b"b"
        assert [asked.path for asked in server.asked] == ["/a", "/b"]
        assert "Authorization" in server.asked[1].headers


@pytest.mark.parametrize(("status", "method"), [(307, "POST"), (303, "GET")])
def test_a_redirected_post_is_repeated_or_not_as_its_status_says(status: int, method: str) -> None:
    with serving(Answer(status, headers={"Location": "/b"}), Answer(body=b"b")) as server:
        exchange(server.url("/a"), body=b"{}")
        assert server.asked[1].method == method


@pytest.mark.parametrize("to", ["http://localhost:{port}/b", "https://u:MARKER@other.example.org/b?MARKER", "file:///etc/shadow"])
def test_a_redirection_elsewhere_is_refused(to: str) -> None:
    with serving(Answer(302, headers={"Location": "x"})) as server:
        server.script = [Answer(302, headers={"Location": to.format(port=server.server_address[1])})]
        error = _fails(server.url("/a"))
        assert len(server.asked) == 1 and not error.transient


def test_redirections_without_end_end() -> None:
    with serving(Answer(302, headers={"Location": "/again"})) as server:
        assert _fails(server.url("/a")).message.endswith("/again is redirected again and again")


@pytest.mark.parametrize(
    ("answer", "says", "trouble"),
    [
        (Answer(hang=True), "did not answer in time", Trouble.TIMEOUT),
        (Answer(body=b"x" * 100, drip=True), "did not answer in time", Trouble.TIMEOUT),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), "is not HTTP (BadStatusLine)", Trouble.PROTOCOL),
        (Answer(body=b"x" * 2000), "is larger than 1000 bytes", Trouble.SIZE),
        (Answer(body=b"x", headers={"Content-Length": "500"}), "hung up in the middle of its answer", Trouble.CONNECT),
        (Answer(raw=b"\0"), "is not HTTP", Trouble.PROTOCOL),
    ],
)
def test_servers_that_are_not_well(answer: Answer, says: str, trouble: Trouble) -> None:
    with serving(answer) as server:
        began = time.monotonic()
        error = _fails(server.url(login=_LOGIN), timeout_seconds=0.5, limit_bytes=1000)
        assert time.monotonic() - began < 3
    assert says in error.message and error.trouble is trouble


def test_no_server_no_name_no_url() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = _fails(f"http://{_LOGIN}127.0.0.1:{port}/x")
    assert error.message == f"no connection to the server of http://127.0.0.1:{port}/x: Connection refused" and error.transient
    error = _fails(f"http://{_LOGIN}no-such-host.invalid/x")
    assert error.message.startswith("the name no-such-host.invalid is not resolved: ") and error.transient
    for url in ("ftp://MARKER@h/", "http://MARKER:port/", "MARKER", "http:///x", "http://h/x\r\nX: y"):
        assert "is not an http or https URL" in _fails(url).message


def test_a_private_authority_is_trusted_when_it_is_named(certificates: Path) -> None:
    with serving(Answer(body=b"ok"), certificate=certificates / "good.both") as server:
        error = _fails(server.url("/"))
        assert error.trouble is Trouble.TRUST and not error.transient
        assert error.message.startswith("the certificate of 127.0.0.1 is not trusted: ")
        assert exchange(server.url("/"), trust=Trust(ca=(certificates / "ca.pem").read_text())).body == b"ok"
        assert _fails(server.url("/"), trust=Trust(ca="MARKER")).message == "the authorities' file (ca) holds no certificate"


@pytest.mark.parametrize(
    ("name", "says", "trouble"),
    [
        ("elsewhere", "the certificate of 127.0.0.1 is for another name", Trouble.TRUST),
        ("old", "the certificate of 127.0.0.1 has expired, by this machine's clock (2", Trouble.CLOCK),
    ],
)
def test_certificates_that_do_not_fit(name: str, says: str, trouble: Trouble, certificates: Path) -> None:
    with serving(Answer(), certificate=certificates / f"{name}.both") as server:
        error = _fails(server.url("/"), trust=Trust(ca=(certificates / "ca.pem").read_text()))
    assert error.message.startswith(says) and error.trouble is trouble


@pytest.mark.parametrize("name", ["good", "elsewhere", "old"])
def test_a_pinned_certificate_may_be_of_any_maker_name_and_date(name: str, certificates: Path) -> None:
    pin = fingerprint(certificates / f"{name}.pem").replace(":", "").lower()
    with serving(Answer(body=b"ok"), certificate=certificates / f"{name}.both") as server:
        assert exchange(server.url("/"), trust=Trust(fingerprint=pin)).body == b"ok"


def test_another_certificate_than_the_pinned_one_gets_to_hear_nothing(certificates: Path) -> None:
    with serving(Answer(), certificate=certificates / "good.both") as server:
        error = _fails(server.url("/", _LOGIN), trust=Trust(fingerprint="00" * 32), body=b"{}")
        assert not server.asked, "not even the login"
    found = fingerprint(certificates / "good.pem").replace(":", "").lower()
    assert error.message.endswith(f"its fingerprint is sha256:{found}") and not error.transient


def test_a_port_without_tls_is_named_as_such() -> None:
    with serving(Answer()) as server:
        error = _fails(server.url("/").replace("http:", "https:"), timeout_seconds=3)
    assert error.message.startswith("no TLS with the server of https://127.0.0.1")
    assert error.trouble is Trouble.PROTOCOL


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://[2001:db8::1]/x", ("2001:db8::1", 80)),
        ("https://[2001:db8::1]/x", ("2001:db8::1", 443)),
        ("http://h:8080/x", ("h", 8080)),
    ],
)
def test_an_ipv6_address_keeps_its_end(url: str, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    places = []

    def connect(self: http.client.HTTPConnection) -> None:
        # A server of an earlier test may still be asked by a thread of its own.
        if threading.current_thread() is threading.main_thread():
            places.append((self.host, self.port))
        raise OSError(111, "Connection refused")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect)
    monkeypatch.setattr(http.client.HTTPSConnection, "connect", connect)
    _fails(url)
    assert places == [place]
