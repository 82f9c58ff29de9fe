"""Progress to a URL: told in order, never waited for, and the URL is nobody's business."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers import Answer, authority, certified, fingerprint, serving
from xeninstall.apply import webhook
from xeninstall.apply.webhook import Webhook
from xeninstall.base.events import Event, Finished, Note, Progress, StageStarted
from xeninstall.base.http import Trust

_TOKEN = "MARKERTOKEN"


class _Server(ThreadingHTTPServer):
    """Remembers what it was told; answers with `status`, after `delay` seconds, or with `garbage` instead of HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[dict[str, object]] = []
        self.status, self.delay, self.garbage = 200, 0.0, b""
        self.failing = 0  # so many times before it recovers
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{_TOKEN}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.released.wait(self.server.delay)
        if self.server.garbage:
            self.wfile.write(self.server.garbage)
            return
        self.server.failing -= 1
        self.send_response(503 if self.server.failing >= 0 else self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield one
        one.released.set()
        one.shutdown()
        thread.join()


def _run(url: str) -> list[Event]:
    said: list[Event] = []
    with Webhook(url, said.append) as hook:
        for event in (StageStarted("unpack", "System", 1, 2), Progress("unpack", 1, 2), Finished(1.0, {})):
            hook.tell(event)
    return said


def test_stages_and_results_are_told_in_order_and_bytes_are_not(server: _Server) -> None:
    assert _run(server.url) == []
    assert [event["event"] for event in server.told] == ["StageStarted", "Finished"]


@pytest.mark.parametrize(
    ("status", "garbage", "reason"),
    [
        (403, b"", "status 403"),
        (404, b"", "status 404"),
        (200, b"SSH-2.0-x\r\n\r\n", "what answers is not HTTP, or the URL is none"),
    ],
)
def test_a_server_that_fails_is_warned_of_once(server: _Server, status: int, garbage: bytes, reason: str) -> None:
    server.status, server.garbage = status, garbage
    said = _run(server.url)
    assert said == [Note(f"the webhook does not answer ({reason}); the installation goes on", warning=True)]
    assert len(server.told) == 2, "the next event is tried all the same"


@pytest.mark.parametrize(
    "url", [f"http://127.0.0.1:9/{_TOKEN}", f"http://{_TOKEN}:port/", f"htp://127.0.0.1/{_TOKEN}", f"{_TOKEN}"]
)
def test_a_dead_or_wrong_url_is_warned_of_without_repeating_it(
    url: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_LAST_WORDS_SECONDS", 1)
    (note,) = _run(url)
    assert isinstance(note, Note) and note.warning
    assert note.text.startswith("the webhook does not answer (")
    captured = capfd.readouterr()
    assert _TOKEN not in note.text + captured.out + captured.err
    assert not captured.err, "no traceback of a thread"


def test_how_it_ended_is_told_again_until_the_server_takes_it(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_PAUSE_SECONDS", 0.01)
    server.failing = 3
    said = _run(server.url)
    assert said == [Note("the webhook does not answer (status 503); the installation goes on", warning=True)]
    assert [event["event"] for event in server.told] == ["StageStarted", "Finished", "Finished", "Finished"]


def test_the_machine_is_named_in_every_event(server: _Server) -> None:
    with Webhook(server.url, lambda event: None, about={"serial": "S1"}) as hook:
        hook.tell(Finished(1.0, {}))
    assert server.told[0]["machine"] == {"serial": "S1"}


def test_a_slow_server_holds_nobody_up(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_LAST_WORDS_SECONDS", 0.3)
    server.delay = 30
    began = time.monotonic()
    assert _run(server.url) == []
    assert time.monotonic() - began < 3


def test_a_server_of_a_private_authority_or_with_a_pinned_certificate_is_told(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    both = certified(tmp_path, "hook")
    pin = fingerprint(tmp_path / "hook.pem").replace(":", "").lower()
    with serving(Answer(204), certificate=both) as hook:
        for trust, said in (
            (Trust(ca=ca.read_text()), ""),
            (Trust(fingerprint=pin), ""),
            (Trust(), "its certificate is not trusted"),
            (Trust(fingerprint="00" * 32), "its certificate is not trusted"),
        ):
            before, notes = len(hook.asked), list[Event]()
            with Webhook(hook.url(f"/{_TOKEN}"), notes.append, trust) as webhook:
                webhook.tell(Finished(1.0, {}))
            assert len(hook.asked) - before == (0 if said else 1)
            expected = [Note(f"the webhook does not answer ({said}); the installation goes on", warning=True)] if said else []
            assert notes == expected
