"""What an earlier run left: gone on with, begun anew, asked for, or refused."""

from pathlib import Path

import pytest

from xeninstall.apply.journal import Journal

from .desk import Desk


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
