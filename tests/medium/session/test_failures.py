"""Failures are kept on the screen and told, and the next step is offered."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import journal_of
from xeninstall.base.errors import Error, Stopped
from xeninstall.medium import session
from xeninstall.plan.system_image import SystemImage

from .desk import Desk


class Told(ThreadingHTTPServer):
    """A webhook."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: list[dict[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/MARKER"


class _Handler(BaseHTTPRequestHandler):
    server: Told

    def do_POST(self) -> None:
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def told() -> Iterator[Told]:
    with Told() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_answers_with_mistakes_are_told_to_the_words_webhook_and_to_their_own(
    tmp_path: Path, answers: Path, told: Told, performed: list[Journal]
) -> None:
    answers.write_text("[disk]\nerese = true\n")
    desk = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.webhook={told.url}")
    assert desk.session.run() == 2
    answers.write_text(answers.read_text() + f'[hooks]\nwebhook = "{told.url}"\n')
    assert Desk(tmp_path, f"xeninstall.answers={answers}").session.run() == 2
    assert [(event["event"], event["stage"], event["exit_code"]) for event in told.events] == [("Failed", "answers", 2)] * 2
    assert "disk.erese: unknown key; did you mean erase?" in str(told.events[0]["message"])
    assert "disk.erese: unknown key" in desk.screen.text and "MARKER" not in desk.screen.text and not performed


def test_words_and_plans_that_fail_are_told_too(tmp_path: Path, answers: Path, told: Told, performed: list[Journal]) -> None:
    assert Desk(tmp_path, f"xeninstall.after=x xeninstall.webhook={told.url}").session.run() == 2
    answers.write_text(answers.read_text().replace("S64HNE0R501200", "NOBODYS"))
    desk = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.webhook={told.url}")
    assert desk.session.run() == 3
    assert [(event["stage"], event["exit_code"]) for event in told.events] == [("words", 2), ("plan", 3)]
    assert told.events[1]["machine"], "which machine it was"
    assert "FAILED at the step: checks and plan" in desk.screen.text and not performed


def test_a_failed_installation_stays_and_offers_to_go_on(tmp_path: Path, answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Journal] = []

    def perform(plan: object, image: SystemImage, squashfs: Path, journal: Journal, *rest: object) -> Path:
        tries.append(journal)
        if len(tries) == 1:
            journal.stage, journal.finished = "unpack", ["prepare"]
            journal.write(journal_of(journal.target))
            raise Error("the disk is on fire", hint="mend the cause, then use the same command with --resume")
        return tmp_path / "run.log"

    monkeypatch.setattr(session, "perform", perform)
    # Past the countdown, go on where it stopped, stay after the end; then nobody is there any more.
    desk = Desk(tmp_path, f"xeninstall.answers={answers}", keys=".2x")
    assert desk.session.run() == 4
    shown = desk.screen.text
    assert "FAILED at the step: unpack\n  the disk is on fire\n  -> mend the cause, then go on where it stopped\n" in shown
    assert "  1  Try again from the beginning\n  2  Go on where it stopped\n  3  Open the wizard with these answers\n" in shown
    assert len(tries) == 2 and tries[1].seed == tries[0].seed and tries[1].finished == ["prepare"]
    assert not [argv for argv in desk.runner.ran if argv[0] == "systemctl"]


def test_stopped_by_somebody_is_not_called_failed(tmp_path: Path, answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(*rest: object) -> Path:
        raise Stopped("stopped during the stage unpack", hint="go on later with the same command and --resume")

    monkeypatch.setattr(session, "perform", perform)
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    assert desk.session.run() == 4
    assert "STOPPED at the step: check" in desk.screen.text and "FAILED" not in desk.screen.text


def test_the_always_offered_choices_come_back_even_when_they_fail(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "xeninstall.mode=shell", keys="4567")
    desk.runner.play = lambda argv: Error("systemctl is not itself today", hint="ask") if argv[0] == "systemctl" else None
    assert desk.session.run() == 4
    assert len(desk.shells) == 2 and "xeninstall-logs-1.tar.gz" in desk.screen.text
    assert desk.screen.said.count("systemctl is not itself today\n  -> ask") == 2
