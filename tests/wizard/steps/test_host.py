"""The host's name: typed, refused with the reason, kept. The example that other steps' tests are written after."""

import asyncio

from tests.wizard.driving import driven, session, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.wizard.steps.host import Host


def test_name_and_domain_reach_the_draft_as_they_are_typed() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Host) as (pilot, _):
            await pilot.press("ctrl+u")
            await type_text(pilot, "xen1")
            await pilot.press("tab")
            await type_text(pilot, "example.org")
            assert given.draft.data["host"] == {"name": "xen1", "domain": "example.org"}
            golden(pilot, "host")

    asyncio.run(run())


def test_a_wrong_name_is_refused_with_the_reason_and_kept_as_typed() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Host) as (pilot, step):
            await pilot.press("ctrl+u")
            await type_text(pilot, "xen_1")
            assert "'xen_1' is not a host name" in words_of(pilot)
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            golden(pilot, "host-wrong")
            assert given.draft.get("host.name") == "xen_1"

    asyncio.run(run())


def test_without_colour_the_focus_still_shows() -> None:
    async def run() -> None:
        async with driven(session(), Host, no_color=True) as (pilot, _):
            golden(pilot, "host-none")

    asyncio.run(run())


def test_typing_replaces_the_default_and_corrects_what_was_entered() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Host) as (pilot, _):
            await type_text(pilot, "xen1")
            assert given.draft.get("host.name") == "xen1"
            await pilot.press("tab", "shift+tab")
            await type_text(pilot, "0")
            assert given.draft.get("host.name") == "xen10"
        async with driven(given, Host) as (pilot, _):
            await type_text(pilot, "0")
            assert given.draft.get("host.name") == "xen100"

    asyncio.run(run())
