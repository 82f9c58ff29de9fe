"""Logs to read, and one file of everything."""

import asyncio
from pathlib import Path

from tests.wizard.driving import settle
from tests.wizard.screens import golden, words_of
from tests.wizard.setup.hosts import console, fake, shown
from xeninstall.base.errors import Error


def test_a_log_is_shown_without_what_could_steer_a_terminal(tmp_path: Path) -> None:
    async def run() -> None:
        async with shown(console(tmp_path)) as pilot:
            await pilot.press("7")
            await settle(pilot)
            golden(pilot, "setup/logs")
            await pilot.press("enter")
            await settle(pilot)
            golden(pilot, "setup/logs-shown")

    asyncio.run(run())


def test_a_log_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async def run() -> str:
        given = console(tmp_path)
        fake(given).error = Error("xl ended with status 1", hint="look in a shell")
        async with shown(given) as pilot:
            await pilot.press("7", "enter")
            await settle(pilot)
            return words_of(pilot)

    assert "! xl ended with status 1; look in a shell" in asyncio.run(run())


def test_everything_that_helps_goes_into_one_file_whose_name_is_told(tmp_path: Path) -> None:
    async def run() -> str:
        async with shown(console(tmp_path)) as pilot:
            await pilot.press("7", "end", "enter")
            await settle(pilot)
            return words_of(pilot)

    assert "/var/log/xeninstall/logs-20260101-000000.tar.gz" in asyncio.run(run())
