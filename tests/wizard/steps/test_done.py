"""The end: how to reach the host, where the records are, and the way out."""

import asyncio
from pathlib import Path

from tests.wizard.driving import Recorder, driven, settle
from tests.wizard.screens import golden, words_of
from tests.wizard.steps.test_review import settled
from xeninstall.base.events import Finished
from xeninstall.wizard.planning import plan
from xeninstall.wizard.steps.done import Done


def test_it_says_how_to_log_in_and_where_log_and_answer_file_are() -> None:
    async def run() -> None:
        given = settled(on_medium=True, runner=Recorder())
        given.plan, given.done = plan(given), Finished(95.0, {})
        given.saved = Path("/run/xeninstall/install.answers.toml")
        async with driven(given, Done) as (pilot, _):
            golden(pilot, "done")
            await pilot.press("left", "enter")
            await settle(pilot)
            assert isinstance(given.runner, Recorder)
            assert given.runner.commands == [("systemctl", "reboot")]
            await pilot.press("right", "enter")
        assert pilot.app.return_value == 0

    asyncio.run(run())


def test_a_rehearsal_says_that_nothing_was_written() -> None:
    async def run() -> None:
        given = settled(rehearsal=True)
        given.plan = plan(given)
        async with driven(given, Done) as (pilot, _):
            shown = words_of(pilot)
            assert "Nothing was written." in shown
            assert "answer file" not in shown

    asyncio.run(run())
