"""The work: a bar that only moves forward, a failure that stays on the screen, another try, and a stop that asks first."""

import asyncio

from textual.pilot import Pilot

from tests.wizard.driving import Worker, driven, session, settle
from tests.wizard.screens import golden, words_of
from tests.wizard.steps.test_review import settled
from xeninstall.base.errors import Error
from xeninstall.base.events import Note, Progress, StageFinished, StageStarted
from xeninstall.wizard.kit import Session
from xeninstall.wizard.planning import plan
from xeninstall.wizard.steps.done import Done
from xeninstall.wizard.steps.progress import Installing

EVENTS = (
    StageStarted("check", "Checks", 1, 10),
    StageFinished("check", 1.5),
    StageStarted("partition", "Partitions", 2, 10),
    StageFinished("partition", 0.0, skipped=True),
    Note("the disk is old", warning=True),
    StageStarted("unpack", "System", 6, 10),
)


def agreed(worker: Worker) -> Session:
    given = settled()
    given.work = worker
    given.plan = plan(given)
    return given


def test_a_run_that_ends_well_goes_on_by_itself() -> None:
    async def run() -> None:
        async with driven(agreed(Worker(EVENTS)), Installing, Done) as (pilot, _):
            await settle(pilot)
            assert isinstance(pilot.app.screen, Done)

    asyncio.run(run())


def test_a_failure_stays_with_stage_cause_and_what_to_do_and_is_tried_again() -> None:
    async def run() -> None:
        worker = Worker(EVENTS, Error("no space is left on /dev/sda2", hint="make room, then try again"))
        async with driven(agreed(worker), Installing, Done) as (pilot, _):
            await settle(pilot)
            golden(pilot, "progress-failed")
            await pilot.press("right", "enter")
            await settle(pilot)
            assert "Logs are in /run/xeninstall/xeninstall-logs-1.tar.gz" in words_of(pilot)
            await pilot.press("left", "enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Done)
            assert len(worker.performed) == 2

    asyncio.run(run())


def test_a_stop_is_asked_for_and_can_be_taken_up_again() -> None:
    async def run() -> None:
        worker = Worker(EVENTS)
        worker.waits = True
        async with driven(agreed(worker), Installing, Done) as (pilot, _):
            await pilot.press("ctrl+c")
            golden(pilot, "progress-stop")
            await pilot.press("enter")  # the safe answer: go on
            assert not worker.stopped.is_set()
            await pilot.press("ctrl+c", "tab", "enter")
            await settle(pilot)
            assert "STOPPED at: System" in words_of(pilot)

    asyncio.run(run())


def test_the_bar_tells_part_rate_and_time_left() -> None:
    async def run() -> None:
        worker = Worker((*EVENTS, Progress("unpack", 450 * 2**20, 900 * 2**20)))
        worker.waits = True
        async with driven(agreed(worker), Installing, Done) as (pilot, _):
            await _until(pilot, "50 %")
            shown = words_of(pilot)
            assert "[####################....................] 50 %" in shown
            assert "/s " in shown
            assert "left" in shown
            await pilot.press("ctrl+l")
            assert "There is no log yet." in words_of(pilot)
            await pilot.press("escape")
            worker.stop()
            await settle(pilot)

    asyncio.run(run())


async def _until(pilot: Pilot[int], text: str) -> None:
    for _ in range(50):
        if text in words_of(pilot):
            return
        await pilot.pause(0.05)


def test_nothing_is_done_in_a_rehearsal() -> None:
    assert not Installing.applies(session(rehearsal=True))
