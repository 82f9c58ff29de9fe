"""What `xeninstall wizard` gathers before a screen is shown: an installation that was cut off is offered to be gone on with."""

from pathlib import Path

import pytest

from tests.given import SYSTEM, Recorder, answers, machine
from tests.wizard.driving import session
from xeninstall.answers.dump import dump
from xeninstall.apply import target
from xeninstall.apply.journal import Journal
from xeninstall.base.run import Completed
from xeninstall.medium.earlier import Earlier, settled
from xeninstall.plan.build import build
from xeninstall.verbs import wizard
from xeninstall.wizard.work import Installation

_DISK = '[disk]\nserial = "S64HNE0R501200"\n[host]\nname = "begun"\n'


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "STATE", tmp_path / "state")


def _begun() -> Earlier:
    plan = build(answers(_DISK), SYSTEM, "00" * 16, machine=machine("nvme"))
    journal = Journal.start(plan).model_copy(update={"stage": "unpack", "finished": ["prepare", "partition", "filesystems"]})
    return Earlier("/dev/nvme0n1", "serial S64HNE0R501200", journal)


def _on_esp(text: str) -> Recorder:
    return Recorder(lambda argv: Completed(argv, 0, text, "") if argv[0] == "mcopy" else None)


def test_its_answers_and_its_seed_are_taken_over_and_give_the_plan_that_was_begun(tmp_path: Path) -> None:
    run, given = _begun(), session(image=SYSTEM)
    given.work = Installation(SYSTEM, tmp_path / "x", Recorder())
    given.draft.set("host.name", "typed")
    wizard._offer(run, given, _on_esp(dump(answers(_DISK))))
    assert given.unfinished == "/dev/nvme0n1, serial S64HNE0R501200"
    assert given.draft.get("host.name") == "typed", "nothing is changed before it is chosen"
    given.go_on()
    # The secret that the disk does not keep; the person is asked for it.
    given.draft.set("root.password_hash", "!")
    plan = build(given.draft.whole(), SYSTEM, given.seed, machine=machine("nvme"))
    assert plan.digest() == run.journal.plan and given.reviewed


@pytest.mark.parametrize("text", ["", "gar[bage", "\0"])
def test_without_its_answers_there_is_nothing_to_offer(text: str) -> None:
    given = session()
    wizard._offer(_begun(), given, _on_esp(text))
    assert given.unfinished == ""


def test_what_it_put_together_is_taken_apart_before_the_machine_is_looked_at_again() -> None:
    seen = []
    disks = [disk.model_copy(update={"table": "gpt"}) for disk in machine("nvme").disks]

    def probe() -> object:
        seen.append(len(runner.ran))
        return machine("nvme", disks=tuple(disks))

    runner = _on_esp(_begun().journal.model_dump_json())
    _, runs = settled(probe, runner)  # type: ignore[arg-type]
    assert [run.disk for run in runs] == [disk.path for disk in disks]
    assert len(seen) == 2 and "mdadm" in runner.programs()
