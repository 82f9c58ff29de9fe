"""The packs that the host gets: those that were loaded, and those of an answer file, which have to be read first."""

import asyncio
from pathlib import Path

import pytest

from tests.wizard.driving import Worker, driven, running, session, settle
from tests.wizard.packs import KERNEL, FakeLoader, pack, with_pack
from tests.wizard.screens import golden, words_of
from tests.wizard.steps.test_review import settled
from xeninstall.packs.errors import PackError
from xeninstall.plan.model import InstallPack
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.install import START
from xeninstall.wizard.kit.language import said, switch
from xeninstall.wizard.planning import plan
from xeninstall.wizard.steps.done import Done
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.packs import Packs
from xeninstall.wizard.steps.review import Review

FLOW = Flow("install", lambda: "Install", lambda: "", (Host, Packs, Review, Done), Review)


def test_without_packs_nobody_is_asked() -> None:
    assert not Packs.applies(session())
    assert Packs.applies(with_pack(session()))


def test_a_loaded_pack_is_in_the_review_and_in_the_plan() -> None:
    async def run() -> None:
        given = with_pack(settled())
        async with running(Wizard(given, START, [FLOW])) as pilot:
            assert isinstance(pilot.app.screen, Review)
            assert "Packs acme-raid 1.2" in words_of(pilot)
            made = plan(given)
            assert [one.name for stage in made.stages for one in stage.actions if isinstance(one, InstallPack)] == ["acme-raid"]

    asyncio.run(run())


def test_one_whose_mark_is_taken_away_stays_on_the_screen_but_not_in_the_answers() -> None:
    async def run() -> None:
        given = with_pack(session())
        async with driven(given, Packs) as (pilot, _):
            golden(pilot, "packs")
            await pilot.press("space")
            assert not given.draft.given("packs")
            assert Packs.applies(given)
            assert Packs.summary(given) == "none"
            await pilot.press("space")
            assert given.draft.get("packs")[0]["sha256"] == "a" * 64

    asyncio.run(run())


def test_those_of_an_answer_file_are_read_here_and_meant_exactly_from_then_on() -> None:
    async def run() -> None:
        made = session(data={"packs": [{"source": "https://example.org/acme.tar?token=secret"}, {"source": "/dev/sdb1"}]})
        error = PackError("https://example.org/acme.tar: the server answers 404", hint="look at the address")
        loader = FakeLoader(pack(KERNEL), errors=[error])
        made.loader = loader
        async with driven(made, Packs) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "https://example.org/acme.tar is not read yet; read it, or take its mark away" in words_of(pilot)
            assert "secret" not in words_of(pilot)
            pilot.app.screen.query_one("#read").focus()
            await pilot.press("enter")
            await settle(pilot)
            assert loader.asked == ["stage https://example.org/acme.tar?token=secret", "stage /dev/sdb1"]
            assert [one.get("sha256") for one in made.draft.get("packs")] == ["a" * 64, None] or [
                one.get("sha256") for one in made.draft.get("packs")
            ] == [None, "a" * 64]
            golden(pilot, "packs-unread")

    asyncio.run(run())


def test_without_colour_and_in_german() -> None:
    async def run() -> None:
        switch("de")
        async with driven(with_pack(session()), Packs, no_color=True) as (pilot, _):
            golden(pilot, "packs-none")

    asyncio.run(run())


def test_a_rehearsal_asks_for_no_reading() -> None:
    made = session(rehearsal=True, data={"packs": [{"source": "/dev/sdb1"}]})
    assert Packs.applies(made)
    assert not Packs.problems(made)


def test_an_answer_file_with_packs_begins_where_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text('[root]\npassword_hash = "!"\nssh_keys = []\n[[packs]]\nsource = "raid.tar"\n')
    draft = Draft.from_file(path)
    given = session(work=Worker(), draft=draft)
    assert [problem.key for problem in Packs.problems(given)] == ["packs"]


@pytest.mark.parametrize(
    "text",
    [
        "firmware/x is a link; a pack holds plain files only",
        "modules/raid.ko is damaged: sha256 0 instead of 1; get the pack from its maker again",
        "there is no pack on /dev/sdb1; a pack has a pack.toml at its top, or is a directory of .ko and .deb files",
        "its modules are for another kernel than 6.12; get the pack that was made for it",
        "/dev/sdb1 is not read yet; read it, or take its mark away",
        "the module raid cannot be loaded: Invalid argument; see dmesg for what the kernel says",
    ],
)
def test_what_the_floors_below_say_of_packs_is_said_in_german(text: str) -> None:
    switch("de")
    for half in text.split("; "):
        assert said(half) != half, half
