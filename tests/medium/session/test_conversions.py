"""Answers that convert: by the words and without, what follows, what is refused, what fails and goes on."""

from pathlib import Path

import pytest

from xeninstall.answers.model import Network
from xeninstall.base.errors import Error
from xeninstall.base.events import Failed

from .desk import Desk, Other

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
