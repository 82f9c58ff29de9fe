"""The review: everything on one screen, each line a way back, the safe button first, and a word before anything is lost."""

import asyncio
import tomllib
from typing import Any

from textual.pilot import Pilot

from tests.wizard.driving import Worker, running, session, type_text
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.install import START
from xeninstall.wizard.kit import Rows, Session
from xeninstall.wizard.steps.disk import Disk
from xeninstall.wizard.steps.done import Done
from xeninstall.wizard.steps.hardware import Hardware
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.progress import Installing
from xeninstall.wizard.steps.review import Review

HASH = "$y$j9T$gtUPlCBk/yB8xVrIqraMm0$.K5KvhesvD9GY7NGl8c4bYiu7ZXC/Jsp9N.aLotTSK/"
FLOW = Flow("install", lambda: "Install", lambda: "", (Hardware, Disk, Host, Review, Installing, Done), Review)


def settled(name: str = "foreign-xenvms", **changes: Any) -> Session:
    given = session(name, reviewed=True, work=Worker(), **changes)
    usable = max((disk for disk in given.machine.disks if disk.usable), key=lambda disk: len(disk.contents))
    given.draft.set("disk", {"serial": usable.serial, "erase": True})
    given.draft.set("root", {"password_hash": HASH})
    return given


async def go_to(pilot: Pilot[int], name: str) -> None:
    rows = pilot.app.screen.query_one("#review", Rows)
    rows.focus()
    for _ in range([row.value for row in rows.rows].index(name)):
        await pilot.press("down")
    await pilot.press("enter")
    await pilot.pause()


def test_given_answers_that_leave_nothing_open_go_straight_to_the_review() -> None:
    async def run() -> None:
        async with running(Wizard(settled(), START, [FLOW])) as pilot:
            assert isinstance(pilot.app.screen, Review)
            assert pilot.app.focused is not None
            assert pilot.app.focused.id == "back"
            golden(pilot, "review")

    asyncio.run(run())


def test_a_line_leads_to_its_step_and_next_back_to_the_review() -> None:
    async def run() -> None:
        given = settled()
        async with running(Wizard(given, START, [FLOW])) as pilot:
            await go_to(pilot, "host")
            assert isinstance(pilot.app.screen, Host)
            await pilot.press("ctrl+u")
            await type_text(pilot, "xen7")
            await pilot.press("ctrl+n")
            assert isinstance(pilot.app.screen, Review)
            assert any("xen7" in line for line in text_of(pilot))
            await go_to(pilot, "keyboard")
            assert isinstance(pilot.app.screen, START.steps[0])
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Review)

    asyncio.run(run())


def test_what_is_lost_needs_the_word_and_everything_else_is_no() -> None:
    async def run() -> None:
        given = settled()
        async with running(Wizard(given, START, [FLOW])) as pilot:
            await pilot.press("ctrl+n")
            golden(pilot, "review-word")
            await pilot.press("enter")  # the way back has the focus
            assert isinstance(pilot.app.screen, Review)
            await pilot.press("ctrl+n", "tab")
            assert given.plan is None
            await pilot.press("shift+tab", "shift+tab")
            await type_text(pilot, "erase")
            await pilot.press("tab", "tab", "enter")
            assert "The word is not there yet" in words_of(pilot)
            await pilot.press("ctrl+u")
            await pilot.press(*"ERASE")
            await pilot.press("tab", "tab", "enter")
            await pilot.pause()
            assert given.plan is not None

    asyncio.run(run())


def test_the_answer_file_that_is_left_replays_the_plan_and_holds_no_secret() -> None:
    async def run() -> None:
        given = settled()
        async with running(Wizard(given, START, [FLOW])) as pilot:
            await pilot.press("ctrl+n", "shift+tab", *"ERASE", "tab", "tab", "enter")
            await pilot.pause()
            assert isinstance(given.work, Worker)
            assert HASH not in given.work.saved
            assert tomllib.loads(given.work.saved)["root"] == {"password_stdin": True}

    asyncio.run(run())


def test_an_unsettled_step_is_marked_and_keeps_the_work_from_beginning() -> None:
    async def run() -> None:
        given = settled()
        async with running(Wizard(given, START, [FLOW])) as pilot:
            given.draft.set("host.name", "no_name")
            pilot.app.post_message(Review.Jump("review"))
            await pilot.pause()
            assert any(line.startswith(" ! Host name") for line in text_of(pilot))
            await pilot.press("ctrl+n")
            assert isinstance(pilot.app.screen, Review)
            assert given.plan is None

    asyncio.run(run())
