"""Time zone: searched, walked to by region, guessed from nothing but the keyboard."""

import asyncio
from pathlib import Path

import pytest

from tests.wizard.driving import DATA, driven, session, type_text
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.wizard import zones
from xeninstall.wizard.steps import zone as module
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.zone import TimeZone


@pytest.fixture(autouse=True)
def same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short table, and offsets that no government can change."""
    table = zones.zones(Path(DATA / "zoneinfo"))
    monkeypatch.setattr(module, "zones", lambda: table)
    monkeypatch.setattr(module, "suggested", lambda layout: zones.suggested(layout, DATA / "zoneinfo"))
    monkeypatch.setattr(module, "offset", lambda name: {"Europe/Berlin": "UTC+1 / UTC+2"}.get(name, "UTC+0"))


def test_the_keyboards_country_is_only_a_suggestion() -> None:
    async def run() -> None:
        given = session(data={"keyboard": {"layout": "de"}})
        async with driven(given, TimeZone) as (pilot, _):
            assert given.draft.get("time.zone") == "Europe/Berlin"
            golden(pilot, "zone")
            await type_text(pilot, "lisb")
            await pilot.press("enter", "enter")
            assert given.draft.get("time.zone") == "Europe/Lisbon"
        async with driven(given, TimeZone) as (pilot, _):
            assert "Chosen: Europe/Lisbon" in words_of(pilot)
        assert TimeZone.summary(given) == "Europe/Lisbon (UTC+0)"

    asyncio.run(run())


def test_the_default_keyboard_suggests_nothing() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, TimeZone):
            assert not given.draft.given("time.zone")
            assert given.draft.get("time.zone") == "Etc/UTC"

    asyncio.run(run())


def test_a_region_shows_its_cities() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, TimeZone, no_color=True) as (pilot, _):
            await pilot.press("down", "right", "down")
            assert "America/New_York" in words_of(pilot)
            assert "Europe/Berlin" not in words_of(pilot)
            golden(pilot, "zone-region-none")
            await pilot.press("enter", "enter")
            assert given.draft.get("time.zone") == "America/Chicago"

    asyncio.run(run())


def test_countries_are_found_and_what_is_not_there_says_so() -> None:
    async def run() -> None:
        async with driven(session(), TimeZone) as (pilot, _):
            await type_text(pilot, "germany")
            assert "2 zones" in text_of(pilot)[2]
            await type_text(pilot, "x")
            assert "0 zones" in text_of(pilot)[2]
            golden(pilot, "zone-not-found")

    asyncio.run(run())


def test_a_zone_of_an_answer_file_that_is_not_in_the_table_stays() -> None:
    async def run() -> None:
        given = session(data={"time": {"zone": "Europe/Jersey"}})
        async with driven(given, TimeZone) as (pilot, _):
            assert "Chosen: Europe/Jersey" in words_of(pilot)
            assert given.draft.get("time.zone") == "Europe/Jersey"

    asyncio.run(run())


def test_next_takes_the_only_hit_of_a_search_and_asks_where_there_are_several_or_none() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, TimeZone, Host) as (pilot, step):
            await type_text(pilot, "germany")
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "Several are found by 'germany': choose one" in words_of(pilot)
            await type_text(pilot, "x")
            assert "Several" not in words_of(pilot)
            await pilot.press("ctrl+n")
            assert "Nothing is found by 'germanyx'" in words_of(pilot)
            assert given.draft.get("time.zone") == "Etc/UTC"
            await pilot.press("ctrl+u")
            await type_text(pilot, "lisb")
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Host)
        assert given.draft.get("time.zone") == "Europe/Lisbon"

    asyncio.run(run())


def test_a_region_empties_the_search_so_that_it_does_not_stand_in_the_way() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, TimeZone, Host) as (pilot, _):
            await type_text(pilot, "germany")
            await pilot.press("down", "right", "down", "ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Host)

    asyncio.run(run())
