"""Language and keyboard: searched while typing, chosen, at work at once where there is a console."""

import asyncio

from tests.wizard.driving import Recorder, driven, session, settle, type_text
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.wizard.kit.language import current
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.keyboard import Keyboard


def test_typing_a_part_of_its_name_finds_a_layout_and_enter_chooses_it() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Keyboard) as (pilot, _):
            golden(pilot, "keyboard")
            await type_text(pilot, "german dead")
            assert "1 layout" in text_of(pilot)[5]
            await pilot.press("down", "enter")
            assert given.draft.data == {"keyboard": {"layout": "de", "variant": "nodeadkeys"}}
            assert Keyboard.summary(given) == "de nodeadkeys, German (no dead keys)"
            golden(pilot, "keyboard-chosen")

    asyncio.run(run())


def test_who_types_a_layouts_own_name_finds_it_first() -> None:
    async def run() -> None:
        async with driven(session(), Keyboard) as (pilot, _):
            await type_text(pilot, "de")
            assert text_of(pilot)[7].startswith(" ( ) de  ")
            await pilot.press("ctrl+u")
            await type_text(pilot, "swedish")
            assert text_of(pilot)[7].startswith(" ( ) se  ")

    asyncio.run(run())


def test_a_console_gets_the_layout_at_once_and_nothing_else_does() -> None:
    async def run(console: bool) -> list[tuple[str, ...]]:
        runner = Recorder(ckbcomp="keymaps 0-127\n")
        async with driven(session(runner=runner, console=console), Keyboard) as (pilot, _):
            await type_text(pilot, "polish")
            await pilot.press("down", "enter")
            await settle(pilot)
        return runner.commands

    assert asyncio.run(run(True)) == [("ckbcomp", "-layout", "pl"), ("loadkeys", "-")]
    assert asyncio.run(run(False)) == []


def test_a_layout_that_the_console_refuses_is_still_the_hosts() -> None:
    async def run() -> None:
        given = session(console=True)  # ckbcomp says nothing
        async with driven(given, Keyboard) as (pilot, _):
            await type_text(pilot, "polish")
            await pilot.press("down", "enter")
            await settle(pilot)
            assert "the installed host will have it" in words_of(pilot)
            assert given.draft.get("keyboard.layout") == "pl"

    asyncio.run(run())


def test_the_language_changes_the_screen_at_once() -> None:
    async def run() -> None:
        async with driven(session(), Keyboard) as (pilot, _):
            await pilot.press("shift+tab", "down", "space")
            await settle(pilot)
            assert current() == "de"
            golden(pilot, "keyboard-german")

    asyncio.run(run())


def test_next_takes_the_only_layout_that_was_found() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Keyboard, Host) as (pilot, step):
            await type_text(pilot, "german")
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "Several are found by 'german'" in words_of(pilot)
            await type_text(pilot, " dead")
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Host)
        assert given.draft.data["keyboard"] == {"layout": "de", "variant": "nodeadkeys"}

    asyncio.run(run())
