"""What the medium does from the kernel's words: decided once, failures kept and told, nobody left without a choice."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.given import KEY, SYSTEM, Recorder, machine
from tests.packs.given import folder, manifest
from xeninstall.answers.model import Answers, Network
from xeninstall.apply import target
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import journal_of
from xeninstall.base.errors import Error, Stopped
from xeninstall.base.events import Emit, Event, Failed
from xeninstall.base.run import Completed, Runner
from xeninstall.machine.model import Content, Machine
from xeninstall.medium import session
from xeninstall.medium.console import Choice, Console
from xeninstall.medium.session import Session, Tools
from xeninstall.medium.words import parse
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import SystemImage


class Screen(Console):
    """A console that remembers. `keys` are pressed in turn; without any, nobody is there."""

    def __init__(self, keys: str = "") -> None:
        self.said: list[str] = []
        self._keys = list(keys)
        self.somebody = bool(keys)

    @property
    def interactive(self) -> bool:
        return self.somebody

    def say(self, text: str = "") -> None:
        self.said.append(text)

    def key(self, timeout_seconds: float | None = None) -> str:
        if not self._keys:
            raise EOFError
        key = self._keys.pop(0)
        return "" if key == "." and timeout_seconds is not None else key

    def countdown(self, seconds: int, text: str) -> bool:
        self.say(text)
        return self.somebody and self.key(1.0) != ""

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "STATE", tmp_path / "state")


def _used(found: Machine) -> Machine:
    """That machine with something on its first NVMe disk."""
    old = Content(path="/dev/nvme0n1p1", kind="filesystem", size_bytes=2**30, fstype="ext4", label="precious")
    disks = [
        disk.model_copy(update={"table": "gpt", "contents": (old,)}) if disk.path == "/dev/nvme0n1" else disk
        for disk in found.disks
    ]
    return found.model_copy(update={"disks": tuple(disks)})


class Desk:
    """A session with everything around it recorded."""

    def __init__(self, tmp_path: Path, line: str, keys: str = "") -> None:
        self.screen, self.runner = Screen(keys), Recorder(self._play)
        self.wizards: list[tuple[Path | None, str]] = []
        self.shells: list[Sequence[str]] = []
        self.events: list[Event] = []
        self.machine = _used(machine("nvme"))
        self.journal = ""  # on the ESP
        self.flows: list[str] = []
        self.rescues = 0
        self.other: Other | None = None
        self.networks: list[Network] = []
        self.session = Session(
            parse(line),
            Tools(
                console=self.screen,
                runner=self.runner,
                emit=self.events.append,
                interact=lambda argv: self.shells.append(argv) or 0,  # type: ignore[func-returns-value]
                probe=lambda: self.machine,
                system=lambda: (SYSTEM, tmp_path / "system.squashfs"),
                wizard=self._wizard,
                rescue=self._rescue,
                flows=lambda: self.flows,
                state=tmp_path / "own",
                other_flow=lambda name: self.other,
                use_network=lambda answers, machine: self.networks.append(answers.network),
            ),
        )

    def _play(self, argv: tuple[str, ...]) -> Completed | None:
        if argv[0] == "blkid":
            return Completed(argv, 2, "", "")
        if argv[0] == "mcopy":
            return Completed(argv, 0 if self.journal else 1, self.journal, "")
        return None

    def _wizard(self, answers: Path | None, flow: str) -> int:
        self.wizards.append((answers, flow))
        return 0

    def _rescue(self) -> int:
        self.rescues += 1
        return 0


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.toml"
    path.write_text(f'[disk]\nerase = true\nserial = "S64HNE0R501200"\n[root]\npassword_hash = "!"\nssh_keys = ["{KEY}"]\n')
    return path


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Journal]:
    """Plans are not carried out; what would have been is remembered."""
    found: list[Journal] = []

    def perform(plan: object, image: SystemImage, squashfs: Path, journal: Journal, *rest: object) -> Path:
        found.append(journal)
        return tmp_path / "run.log"

    monkeypatch.setattr(session, "perform", perform)
    return found


def test_without_answers_the_wizard_opens(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "quiet")
    assert desk.session.run() == 0
    assert desk.wizards == [(None, "")] and desk.screen.said == []


def test_an_installation_that_was_asked_for_without_answers_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "xeninstall.mode=install xeninstall.mod=x")
    desk.session.run()
    assert desk.wizards == [(None, "")]
    assert desk.screen.said == [
        "Kernel command line: xeninstall.mod is not known: did you mean xeninstall.mode?",
        "There are no answers for an unattended installation: the wizard asks for them.",
    ]


def test_with_answers_it_installs_and_reboots(tmp_path: Path, answers: Path, performed: list[Journal]) -> None:
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    assert desk.session.run() == 0
    assert len(performed) == 1 and not desk.wizards
    assert "will be lost: /dev/nvme0n1" in desk.screen.text and f"Answers: {answers}" in desk.screen.text
    assert desk.runner.ran[-1] == ("systemctl", "reboot")


@pytest.mark.parametrize(
    ("word", "key", "last"),
    [
        ("xeninstall.after=poweroff", "stay", ("systemctl", "poweroff")),
        ("", "poweroff", ("systemctl", "poweroff")),
        ("xeninstall.after=stay", "reboot", None),
    ],
)
def test_the_word_comes_before_the_answers_key(
    word: str, key: str, last: tuple[str, ...] | None, tmp_path: Path, answers: Path, performed: list[Journal]
) -> None:
    answers.write_text(answers.read_text() + f'[finish]\nafter = "{key}"\n')
    desk = Desk(tmp_path, f"xeninstall.answers={answers} {word}")
    desk.session.run()
    assert [argv for argv in desk.runner.ran if argv[0] == "systemctl"] == ([last] if last else [])
    assert "Remove the boot medium" in desk.screen.text


def test_packs_of_the_answers_are_read_before_the_plan_and_go_with_it(
    tmp_path: Path, answers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"firmware/x": b"x"}
    folder(tmp_path / "raid", files, manifest(files, kernel=None).text())
    taken: list[str] = []

    def perform(plan: Plan, *rest: object) -> Path:
        (packs,) = [one for one in rest if isinstance(one, tuple)]
        taken.extend(pack.manifest.title for pack in packs)
        assert all((pack.place / "firmware/x").is_file() for pack in packs)
        assert any(action.do == "install-pack" for stage in plan.stages for action in stage.actions)
        return tmp_path / "run.log"

    monkeypatch.setattr(session, "perform", perform)
    answers.write_text(answers.read_text() + '[[packs]]\nsource = "raid"\n')
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    assert desk.session.run() == 1 and not taken
    assert "FAILED at the step: packs\n" in desk.screen.text and "acme-raid 1.2 is unsigned" in desk.screen.text
    answers.write_text(answers.read_text() + "allow_unsigned = true\n")
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    assert desk.session.run() == 0 and taken == ["acme-raid 1.2"]


def test_a_key_during_the_countdown_opens_the_wizard_with_the_answers(
    tmp_path: Path, answers: Path, performed: list[Journal]
) -> None:
    desk = Desk(tmp_path, f"xeninstall.answers={answers}", keys="x")
    desk.session.run()
    assert desk.wizards == [(answers, "")] and not performed


def test_words_that_are_not_understood_stop_it(tmp_path: Path, answers: Path, performed: list[Journal]) -> None:
    desk = Desk(tmp_path, f"xeninstall.mode=recsue xeninstall.answers={answers}")
    assert desk.session.run() == 2
    assert not performed and not desk.wizards
    assert desk.screen.said == [
        "\nFAILED at the step: kernel command line",
        "  xeninstall.mode: 'recsue' is none of wizard, install, convert, rescue, shell; did you mean rescue?",
        "  -> correct the kernel command line; nothing was begun",
    ]


@pytest.mark.parametrize(
    ("mode", "shells", "rescues", "wizards"),
    [("shell", 1, 0, []), ("rescue", 0, 1, []), ("convert", 0, 0, [(None, "convert")]), ("wizard", 0, 0, [(None, "")])],
)
def test_the_other_modes(mode: str, shells: int, rescues: int, wizards: list[object], tmp_path: Path) -> None:
    desk = Desk(tmp_path, f"xeninstall.mode={mode}")
    desk.flows = ["convert"]
    assert desk.session.run() == 0
    assert (len(desk.shells), desk.rescues, desk.wizards) == (shells, rescues, wizards)


def test_without_a_conversion_on_the_medium_it_says_so_and_offers_the_rest(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "xeninstall.mode=convert", keys="18")
    assert desk.session.run() == 1
    assert "This medium cannot convert a machine" in desk.screen.text
    assert "  1  Open the wizard" in desk.screen.said and desk.wizards == [(None, "")]


# ---- conversion --------------------------------------------------------------------------------------------------------


class Other:
    """Stands where p2v converts."""

    def __init__(self, *errors: Error) -> None:
        self.errors, self.performed = list(errors), list[Answers]()
        self.refusal: Error | None = None

    def head(self, answers: Answers, machine: Machine) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"converting to {answers.convert.target}"

    def perform(self, answers: Answers, machine: Machine, runner: Runner, emit: Emit) -> dict[str, str]:
        self.performed.append(answers)
        if self.errors:
            raise self.errors.pop(0)
        return {"start it": "xl create old.cfg"}


CONVERT = 'flow = "convert"\n[convert]\nname = "old"\ntarget = "/mnt"\n'


def desk_with(tmp_path: Path, text: str, line: str = "", keys: str = "") -> Desk:
    path = tmp_path / "answers.toml"
    path.write_text(text)
    desk = Desk(tmp_path, f"xeninstall.answers={path} xeninstall.countdown=0 {line}", keys)
    desk.flows, desk.other = ["convert"], Other()
    return desk


def ends(desk: Desk) -> list[tuple[str, ...]]:
    return [argv for argv in desk.runner.ran if argv[0] == "systemctl"]


@pytest.mark.parametrize("mode", ["", "xeninstall.mode=convert", "xeninstall.mode=install"])
def test_answers_to_convert_convert_and_switch_the_old_machine_off(tmp_path: Path, mode: str) -> None:
    desk = desk_with(tmp_path, CONVERT, mode)
    assert desk.session.run() == 0
    assert desk.other is not None and [one.convert.name for one in desk.other.performed] == ["old"]
    assert desk.networks == [Network()]
    assert "converting to /mnt" in desk.screen.text and "  start it:    xl create old.cfg" in desk.screen.said
    assert ends(desk) == [("systemctl", "poweroff")]


@pytest.mark.parametrize(
    ("line", "table", "end"),
    [
        ("", '[finish]\nafter = "reboot"\n', "reboot"),
        ("", '[finish]\nafter = "stay"\n', ""),
        ("xeninstall.after=reboot", "", "reboot"),
    ],
)
def test_what_follows_a_conversion_can_be_chosen(tmp_path: Path, line: str, table: str, end: str) -> None:
    desk = desk_with(tmp_path, CONVERT + table, line)
    assert desk.session.run() == 0
    assert ends(desk) == ([("systemctl", end)] if end else [])
    assert "Do not let it and the virtual machine run in one network" in desk.screen.text


def test_a_conversion_that_fails_stays_on_the_screen_and_goes_on_at_the_next_try(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, CONVERT, keys=".1..8")
    desk.other = Other(Error("the target is full", hint="make room"))
    assert desk.session.run() == 0
    assert "FAILED at the step: conversion" in desk.screen.text and "  the target is full\n  -> make room" in desk.screen.text
    assert len(desk.other.performed) == 2
    assert [event.message for event in desk.events if isinstance(event, Failed)] == ["the target is full"]


def test_what_cannot_be_converted_is_refused_before_the_countdown(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, CONVERT)
    assert desk.other is not None
    desk.other.refusal = Error("no room", hint="make some")
    assert desk.session.run() == 1
    assert not desk.other.performed and "Starting in" not in desk.screen.text and not ends(desk)


def test_a_key_opens_the_wizard_with_the_answers_instead(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, CONVERT, keys="x8")
    desk.session.run()
    assert desk.other is not None and not desk.other.performed
    assert desk.wizards == [(tmp_path / "answers.toml", "")]


def test_answers_to_install_do_not_install_where_the_medium_was_started_to_convert(tmp_path: Path, answers: Path) -> None:
    desk = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.mode=convert")
    desk.flows = ["convert"]
    assert desk.session.run() == 2
    assert "the answers are to install, and the medium was started to convert" in desk.screen.text


# ---- failures ----------------------------------------------------------------------------------------------------------


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


# ---- earlier runs ------------------------------------------------------------------------------------------------------


def _begun(tmp_path: Path, answers: Path, performed: list[Journal], **changes: object) -> str:
    """The journal of a run by these answers, as its ESP keeps it."""
    Desk(tmp_path, f"xeninstall.answers={answers}").session.run()
    return (
        performed.pop()
        .model_copy(update={"stage": "configure", "finished": ["prepare", "partition"], **changes})
        .model_dump_json()
    )


def test_an_interrupted_installation_by_the_same_answers_goes_on(tmp_path: Path, answers: Path, performed: list[Journal]) -> None:
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    desk.journal = _begun(tmp_path, answers, performed)
    assert desk.session.run() == 0
    assert performed[0].finished == ["prepare", "partition"]
    assert "Found an interrupted installation on /dev/nvme" in desk.screen.text
    assert "Going on after the stages prepare, partition" in desk.screen.said


@pytest.mark.parametrize("word", ["xeninstall.resume=restart", ""])
def test_it_starts_over_when_that_was_chosen_or_the_answers_are_others(
    word: str, tmp_path: Path, answers: Path, performed: list[Journal]
) -> None:
    journal = _begun(tmp_path, answers, performed)
    if not word:
        answers.write_text(answers.read_text() + '[host]\nname = "other"\n')
    desk = Desk(tmp_path, f"xeninstall.answers={answers} {word}")
    desk.journal = journal
    assert desk.session.run() == 0
    assert performed[0].finished == [] and "Starting from the beginning" in desk.screen.said


def test_other_answers_are_refused_when_it_is_to_be_resumed(tmp_path: Path, answers: Path, performed: list[Journal]) -> None:
    journal = _begun(tmp_path, answers, performed)
    answers.write_text(answers.read_text() + '[host]\nname = "other"\n')
    desk = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.resume=resume")
    desk.journal = journal
    assert desk.session.run() == 2
    assert "was begun with other answers, or another medium" in desk.screen.text and not performed


@pytest.mark.parametrize(("keys", "finished"), [("1.", ["prepare", "partition"]), ("2.", [])])
def test_somebody_is_asked_when_that_was_wanted(
    keys: str, finished: list[str], tmp_path: Path, answers: Path, performed: list[Journal]
) -> None:
    journal = _begun(tmp_path, answers, performed)
    desk = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.resume=ask", keys=keys + "x")
    desk.journal = journal
    desk.session.run()
    assert performed[0].finished == finished


def test_the_host_that_is_wanted_is_not_erased_by_a_medium_left_in_the_machine(
    tmp_path: Path, answers: Path, performed: list[Journal]
) -> None:
    journal = _begun(tmp_path, answers, performed, state="done", finished=["prepare", "finish"])
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    desk.journal = journal
    assert desk.session.run() == 1
    assert "NOTHING TO DO at the step: checks and plan" in desk.screen.text and not performed
    again = Desk(tmp_path, f"xeninstall.answers={answers} xeninstall.resume=restart")
    again.journal = journal
    again.session.run()
    assert performed[0].finished == []


def test_a_damaged_journal_is_nothing_to_go_on_with(tmp_path: Path, answers: Path, performed: list[Journal]) -> None:
    desk = Desk(tmp_path, f"xeninstall.answers={answers}")
    desk.journal = "garbage"
    desk.session.run()
    assert performed[0].finished == []


def test_a_choice_is_asked_again_until_it_leaves() -> None:
    screen = Screen("x91231")
    code = iter((None, 7))
    assert screen.choose("What?", [Choice("This", lambda: next(code))]) == 7
