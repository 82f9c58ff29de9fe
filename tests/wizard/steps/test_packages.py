"""Package sets: marked, added up, refused where the system image lacks them."""

import asyncio

from tests.wizard.driving import driven, session, system_image
from tests.wizard.screens import golden, words_of
from xeninstall.wizard.steps.packages import Packages


def test_marked_sets_reach_the_draft_and_the_base_always_stays() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Packages) as (pilot, _):
            golden(pilot, "packages")
            await pilot.press("space", "down", "space", "down", "space")
            assert given.draft.get("packages.sets") == ["base", "linux-guests", "storage"]
            assert "Together: 1000 MiB" in words_of(pilot)
            golden(pilot, "packages-marked")
        assert Packages.summary(given) == "base, linux-guests, storage; 1000 MiB"

    asyncio.run(run())


def test_without_colour_the_marks_and_the_row_at_hand_still_show() -> None:
    async def run() -> None:
        async with driven(session(), Packages, no_color=True) as (pilot, _):
            golden(pilot, "packages-none")

    asyncio.run(run())


def test_a_set_that_the_image_lacks_cannot_be_marked() -> None:
    async def run() -> None:
        given = session(image=system_image().model_copy(update={"sets": {}}))
        async with driven(given, Packages) as (pilot, _):
            await pilot.press("down", "space")
            assert given.draft.get("packages.sets") == ["base"]
            assert "this system image does not hold it" in words_of(pilot)

    asyncio.run(run())


def test_one_that_an_answer_file_asked_for_in_vain_stops_here_and_can_be_taken_out() -> None:
    async def run() -> None:
        given = session(image=system_image().model_copy(update={"sets": {}}), data={"packages": {"sets": ["base", "pool"]}})
        async with driven(given, Packages) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "does not hold the set pool; it holds: base" in words_of(pilot)
            await pilot.press("down", "down", "down", "space")
            assert not step.problems(given)

    asyncio.run(run())
