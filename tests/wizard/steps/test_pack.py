"""Which pack: found on media, or named; a second medium is only another look away."""

import asyncio

from tests.wizard.driving import driven, session, settle, type_text
from tests.wizard.packs import FakeLoader, pack
from tests.wizard.screens import golden, words_of
from xeninstall.packs.errors import PackError
from xeninstall.packs.find import Found
from xeninstall.wizard.kit import Session
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.steps.load_pack import LoadPack
from xeninstall.wizard.steps.pack import FindPack

STICK = [Found("/dev/sdb1:acme.tar", "DRIVERS"), Found("/dev/sr0:packs/other", "")]


def given(*looks: list[Found], error: PackError | None = None) -> tuple[Session, FakeLoader]:
    made = session()
    loader = FakeLoader(pack(made.machine.kernel.release), list(looks), [error] if error else [])
    made.loader = loader
    return made, loader


def test_packs_on_the_media_are_listed_and_enter_opens_one() -> None:
    async def run() -> None:
        one, loader = given(STICK)
        async with driven(one, FindPack, LoadPack) as (pilot, _):
            await settle(pilot)
            golden(pilot, "pack")
            await pilot.press("down", "enter")
            await settle(pilot)
            assert loader.asked == ["find", "/dev/sr0:packs/other"]
            assert isinstance(pilot.app.screen, LoadPack)
            await pilot.press("escape")
            await settle(pilot)
            assert isinstance(pilot.app.screen, FindPack)

    asyncio.run(run())


def test_where_there_is_none_a_second_medium_is_looked_for_again() -> None:
    async def run() -> None:
        one, loader = given([], STICK)
        async with driven(one, FindPack, LoadPack) as (pilot, step):
            await settle(pilot)
            golden(pilot, "pack-none-found")
            await pilot.press("ctrl+n")
            assert "Name a path or URL, or insert a medium and look again." in words_of(pilot)
            assert pilot.app.screen is step
            pilot.app.screen.query_one("#again").focus()
            await pilot.press("enter")
            await settle(pilot)
            assert "/dev/sdb1:acme.tar DRIVERS" in words_of(pilot)
            assert loader.asked == ["find", "find"]

    asyncio.run(run())


def test_one_that_is_named_is_read_and_what_stands_against_it_is_said() -> None:
    async def run() -> None:
        error = PackError("there is no /dev/sr0", hint="insert the medium, and give the command again")
        one, loader = given([], error=error)
        async with driven(one, FindPack, LoadPack) as (pilot, step):
            await settle(pilot)
            await type_text(pilot, "/dev/sr0")
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert pilot.app.screen is step
            assert "! there is no /dev/sr0; insert the medium, and give the command again" in words_of(pilot)
            golden(pilot, "pack-refused")
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, LoadPack)
            assert loader.asked == ["find", "/dev/sr0", "/dev/sr0"]

    asyncio.run(run())


def test_what_was_typed_is_there_when_one_comes_back() -> None:
    async def run() -> None:
        one, _ = given([], [])
        async with driven(one, FindPack, LoadPack) as (pilot, _step):
            await settle(pilot)
            await type_text(pilot, "/x.tar")
            await pilot.press("ctrl+n")
            await settle(pilot)
            await pilot.press("escape")
            await settle(pilot)
            assert "/x.tar" in words_of(pilot)

    asyncio.run(run())


def test_without_colour_and_in_german() -> None:
    async def run() -> None:
        switch("de")
        one, _ = given(STICK)
        async with driven(one, FindPack, no_color=True) as (pilot, _step):
            await settle(pilot)
            golden(pilot, "pack-none")

    asyncio.run(run())


def test_a_rehearsal_loads_nothing() -> None:
    async def run() -> None:
        async with driven(session(rehearsal=True), FindPack, LoadPack) as (pilot, step):
            await settle(pilot)
            await type_text(pilot, "/x.tar")
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "A rehearsal loads no packs." in words_of(pilot)

    asyncio.run(run())
