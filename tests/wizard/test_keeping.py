"""A wizard that dies loses nothing: what was entered is offered to the next one, and the file holds no password."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.wizard.driving import Worker, press_act, running, session, settle, type_text
from tests.wizard.screens import golden, words_of
from tests.wizard.steps.test_review import settled
from xeninstall.base.errors import Error
from xeninstall.wizard import keeping
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.install import INSTALL, START
from xeninstall.wizard.keeping import Keeper
from xeninstall.wizard.kit import Session, Step
from xeninstall.wizard.steps.done import Done
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.keyboard import Keyboard
from xeninstall.wizard.steps.progress import Installing
from xeninstall.wizard.steps.review import Review

PASSWORD = "staple-Battery7"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the file is, and always at the same time of the day."""
    monkeypatch.setattr(keeping, "STATE", tmp_path / "run")
    yield tmp_path / "run" / "wizard.draft.json"


async def walked(pilot: Pilot[int], given: Session, to: str) -> Step:
    """On, through steps that ask for nothing here."""
    while (step := pilot.app.screen) and isinstance(step, Step) and to != step.NAME:
        await pilot.press("1" if step.NAME == "menu" else "ctrl+n")
        await settle(pilot)
        assert pilot.app.screen is not step, words_of(pilot)
    assert isinstance(step, Step)
    return step


def died(keeper: Keeper) -> None:
    """What the kernel does with the files of a process that is gone."""
    keeper.close()


def test_what_was_entered_is_offered_to_the_next_wizard_at_the_same_place(place: Path) -> None:
    async def first() -> None:
        keeper, given = Keeper.of(""), settled()
        given.reviewed = False
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            await walked(pilot, given, "host")
            await type_text(pilot, "lost")
        died(keeper)

    async def second() -> None:
        keeper, given = Keeper.of(""), session()
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            assert "Go on where you were?" in words_of(pilot)
            assert not given.draft.data  # nothing before the answer
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Host), words_of(pilot)
            await type_text(pilot, "0")
            assert given.draft.get("host.name") == "lost0"
            assert given.draft.get("disk") == settled().draft.get("disk")
            # The flow is the one that it was: back and forth as before.
            await pilot.press("escape", "ctrl+n")
            assert isinstance(pilot.app.screen, Host)
        died(keeper)

    asyncio.run(first())
    assert place.stat().st_mode & 0o777 == 0o600
    asyncio.run(second())
    assert json.loads(place.read_text())["data"]["host"] == {"name": "lost0"}


def test_the_question_has_its_safe_answer_first_and_beginning_anew_is_possible(place: Path) -> None:
    async def run() -> None:
        keeper = Keeper.of("")
        assert keeper.take() is None
        keeper.keep(session(data={"host": {"name": "old"}}), "install", "host")
        died(keeper)
        os.utime(place, (1_700_000_000, 1_700_000_000))
        keeper, given = Keeper.of(""), session()
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            assert datetime.fromtimestamp(1_700_000_000).strftime("%H:%M") in words_of(pilot)
            await pilot.press("right", "enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Keyboard)
            assert not given.draft.data
        died(keeper)
        assert json.loads(place.read_text())["data"] == {}

    asyncio.run(run())


def test_a_moment_and_what_is_out_of_force_come_back_as_they_were() -> None:
    given = settled()
    clock = datetime.fromisoformat("2026-11-24T22:00:00+01:00")
    given.draft.set("time", {"ntp": "none", "clock": clock})
    given.shelf["network.ipv4.address"] = "192.0.2.10/24"
    keeper = Keeper.of("")
    keeper.take()
    keeper.keep(given, "install", "time")
    died(keeper)
    kept = Keeper.of("").take()
    assert kept is not None
    assert kept.data == given.draft.data
    assert kept.shelf == {"network.ipv4.address": "192.0.2.10/24"}
    assert (kept.flow, kept.step, kept.reviewed) == ("install", "time", True)


def test_no_password_is_in_the_file_at_any_moment_only_its_hash_at_last(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    keep = Keeper.keep

    def watched(self: Keeper, given: Session, flow: str, step: str) -> None:
        keep(self, given, flow, step)
        written.append(place.read_text())

    monkeypatch.setattr(Keeper, "keep", watched)

    async def run() -> None:
        keeper, given = Keeper.of(""), settled()
        given.reviewed = False
        given.draft.set("root", None)
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            await walked(pilot, given, "root")
            await type_text(pilot, PASSWORD)
            await pilot.press("tab")
            await type_text(pilot, PASSWORD)
            await settle(pilot)
        died(keeper)

    asyncio.run(run())
    assert len(written) > 2 * len(PASSWORD)
    assert not [text for text in written if PASSWORD[:4] in text]
    assert json.loads(written[-1])["data"]["root"]["password_hash"].startswith("$y$")


@pytest.mark.parametrize("again", [True, False])
def test_a_hooks_token_is_not_in_the_file_and_comes_from_the_answer_file_again(place: Path, again: bool) -> None:
    hooks = {"hooks": {"webhook": "https://example.org/?token=s3cret"}}

    async def run() -> None:
        keeper = Keeper.of("")
        keeper.take()
        keeper.keep(session(data={"host": {"name": "old"}} | hooks), "install", "host")
        died(keeper)
        assert "s3cret" not in place.read_text()
        keeper, given = Keeper.of(""), session(data=hooks if again else {})
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            assert ("Hooks are not kept" in words_of(pilot)) is not again
            await pilot.press("enter")
            await settle(pilot)
            assert given.draft.data == {"host": {"name": "old"}} | (hooks if again else {})
        died(keeper)

    asyncio.run(run())


def test_a_second_wizard_at_the_same_time_neither_offers_nor_touches_the_first_ones(place: Path) -> None:
    first = Keeper.of("")
    assert first.take() is None
    first.keep(session(data={"host": {"name": "first"}}), "install", "host")
    second = Keeper.of("")
    assert second.take() is None
    second.keep(session(data={"host": {"name": "second"}}), "install", "host")
    second.forget()
    assert json.loads(place.read_text())["data"] == {"host": {"name": "first"}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"form": 2}', '{"form": 1, "data": []}', '{"form": 1, "data": {}, "shelf": {}, "language": "xx"}', "\x00"],
)
def test_a_file_that_is_none_of_ours_is_as_good_as_none(place: Path, text: str) -> None:
    place.parent.mkdir()
    place.write_text(text)
    assert Keeper.of("").take() is None


def test_where_nothing_can_be_written_the_wizard_works_all_the_same(place: Path) -> None:
    place.parent.write_text("a file where the directory belongs")

    async def run() -> None:
        given = session()
        async with running(Wizard(given, START, [INSTALL], keeper=Keeper.of(""))) as pilot:
            await pilot.press("ctrl+n")
            await pilot.press("ctrl+c")
            assert "is lost" in words_of(pilot)

    asyncio.run(run())


@pytest.mark.parametrize("error", [None, Error("no room", hint="make some")])
def test_it_is_kept_until_the_host_is_installed_and_not_longer(place: Path, error: Error | None) -> None:
    async def run() -> None:
        keeper, given = Keeper.of(""), settled()
        given.work = Worker([], *([error] if error else []))
        async with running(Wizard(given, START, [INSTALL], keeper=keeper)) as pilot:
            assert isinstance(pilot.app.screen, Review)
            await press_act(pilot, "next")
            pilot.app.screen.query_one("#word Line").focus()
            await pilot.press(*"ERASE")
            await press_act(pilot, "yes")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Installing if error else Done)
        died(keeper)
        kept = Keeper.of("").take()
        assert (kept is None) is (error is None)
        # Work is begun by a deliberate act only: whoever comes back is at the review.
        assert kept is None or kept.step == Review.NAME

    asyncio.run(run())


def test_the_question_in_colour_and_without(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        keeper = Keeper.of("")
        keeper.take()
        keeper.keep(session(data={"host": {"name": "old"}}), "install", "host")
        died(keeper)
        kept = keeping.Kept({"host": {"name": "old"}}, {}, "en", "install", "host", False, False, "14:03")
        monkeypatch.setattr(keeping, "_read", lambda _path: kept)
        keeper = Keeper.of("")
        async with running(Wizard(session(), START, [INSTALL], keeper=keeper)) as pilot:
            golden(pilot, "go-on")
        died(keeper)

    asyncio.run(run())
