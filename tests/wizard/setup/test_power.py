"""Reboot and shutdown say what becomes of running guests, and ask."""

import asyncio
from pathlib import Path

import pytest

from tests.wizard.driving import settle
from tests.wizard.screens import golden, words_of
from tests.wizard.setup.hosts import console, fake, shown, with_state


def test_running_guests_are_named_and_it_asks(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await pilot.press("8")
            await settle(pilot)
            golden(pilot, "setup/power")
            await pilot.press("enter")
            await settle(pilot)
            golden(pilot, "setup/power-asks")
            await pilot.press("enter")  # the safe answer has the focus
            await settle(pilot)
            assert not fake(given).done
            await pilot.press("down", "enter", "tab", "enter")
            await settle(pilot)
        assert fake(given).done == ["poweroff"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("guests", "saves", "says"),
    [
        ((), True, "No guest is running."),
        (None, True, "Xen does not tell which guests run."),
        (..., False, "They are NOT saved: the service xendomains is off. Shut them down first."),
    ],
)
def test_what_becomes_of_guests(tmp_path: Path, guests: object, saves: bool, says: str) -> None:
    async def run() -> str:
        given = console(tmp_path)
        given = given if guests is ... else with_state(given, guests=guests)
        fake(given).saves = saves
        async with shown(given) as pilot:
            await pilot.press("8")
            await settle(pilot)
            return words_of(pilot)

    assert says in asyncio.run(run())
