"""What the medium does from the kernel's words: decided once, with nobody left without a choice."""

from pathlib import Path

import pytest

from tests.packs.given import folder, manifest
from xeninstall.apply.journal import Journal
from xeninstall.medium import session
from xeninstall.medium.console import Choice
from xeninstall.plan.model import Plan

from .desk import Desk, Screen


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


def test_a_choice_is_asked_again_until_it_leaves() -> None:
    screen = Screen("x91231")
    code = iter((None, 7))
    assert screen.choose("What?", [Choice("This", lambda: next(code))]) == 7
