"""The worker behind the progress screen: another try goes on where the last one ended, a stop ends it in an orderly way."""

from pathlib import Path
from typing import Any

import pytest

from tests.wizard.driving import Recorder, system_image
from tests.wizard.steps.test_review import settled
from xeninstall.apply.journal import Journal
from xeninstall.base.errors import Error, Stopped
from xeninstall.base.events import Event, Progress
from xeninstall.plan.model import Plan
from xeninstall.wizard import work
from xeninstall.wizard.kit import Target
from xeninstall.wizard.planning import plan


@pytest.fixture
def made(tmp_path: Path) -> Plan:
    return plan(settled(target=Target(str(tmp_path / "host.img"), 16 * 2**30)))


def answers() -> Any:
    return settled().draft.whole()


def test_another_try_takes_up_the_same_journal_and_another_plan_begins_anew(
    made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Journal] = []

    def execute(_plan: Plan, _image: object, _files: object, _runner: object, _emit: object, journal: Journal) -> None:
        seen.append(journal)
        raise Error("no room")

    monkeypatch.setattr(work, "execute", execute)
    monkeypatch.setattr(work, "release_leftovers", lambda *_arguments: None)
    installation = work.Installation(system_image(), Path("none"), Recorder())
    other = plan(settled(target=Target(str(tmp_path / "other.img"), 16 * 2**30)))
    for one in (made, made, other):
        with pytest.raises(Error, match="no room"):
            installation.perform(one, answers(), lambda _event: None)
    assert seen[0] is seen[1]
    assert seen[2] is not seen[0]


@pytest.mark.parametrize("by_command", [True, False])
def test_a_stop_reaches_the_run_at_its_next_event_or_command(
    made: Plan, monkeypatch: pytest.MonkeyPatch, by_command: bool
) -> None:
    def execute(_plan: Plan, _image: object, _files: object, runner: Any, emit: Any, _journal: Journal) -> None:
        installation.stop()
        try:
            runner.run(["true"]) if by_command else emit(Progress("unpack", 1, 2))
        except KeyboardInterrupt:
            raise Stopped("stopped") from None
        raise AssertionError("nothing was stopped")

    events: list[Event] = []
    monkeypatch.setattr(work, "execute", execute)
    runner = Recorder()
    installation = work.Installation(system_image(), Path("none"), runner)
    with pytest.raises(Stopped):
        installation.perform(made, answers(), events.append)
    assert runner.commands == []


def test_the_answer_file_lies_beside_the_log_and_only_its_owner_reads_it(made: Plan, tmp_path: Path) -> None:
    installation = work.Installation(system_image(), Path("none"), Recorder())
    path = installation.save_answers(made, "[host]\n")
    assert path == tmp_path / "host.img.answers.toml"
    assert path.read_text() == "[host]\n"
    assert path.stat().st_mode & 0o777 == 0o600
