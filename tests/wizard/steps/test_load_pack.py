"""What is in the pack and whose it is; a deliberate yes where nobody vouches; what appeared; and the menu again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.wizard.driving import machine, running, session, settle
from tests.wizard.packs import FakeLoader, pack
from tests.wizard.screens import golden, words_of
from xeninstall.packs.errors import PackError
from xeninstall.packs.model import Pack, Signature, Trust
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.kit import Ask, Session
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.steps import load_pack
from xeninstall.wizard.steps.load_pack import LoadPack
from xeninstall.wizard.steps.menu import Menu

START = Flow("start", lambda: "", lambda: "", (Menu,))
FLOW = Flow("load", lambda: "Load a driver or pack", lambda: "", (LoadPack,))
UNKNOWN = Signature(Trust.UNKNOWN, fingerprint="SHA256:" + "y" * 43)


@pytest.fixture(autouse=True)
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After loading, the machine has other disks."""
    monkeypatch.setattr(load_pack, "probe", lambda runner: machine("bios-two-disks"))


def given(signature: Signature | None = None, kernel: str = "", error: PackError | None = None) -> tuple[Session, FakeLoader]:
    made = session()
    running_kernel = made.machine.kernel.release
    opened: Pack = pack(kernel or running_kernel, signature) if signature else pack(kernel or running_kernel)
    loader = FakeLoader(opened, errors=[error] if error else [])
    made.loader, made.opened = loader, opened
    return made, loader


@asynccontextmanager
async def at_pack(one: Session) -> AsyncIterator[Pilot[int]]:
    """The application, in the flow, at this step."""
    async with running(Wizard(one, START, [FLOW])) as pilot:
        await pilot.press("1")
        await pilot.pause()
        assert isinstance(pilot.app.screen, LoadPack)
        yield pilot


def test_a_trusted_pack_is_loaded_and_the_menu_comes_back_with_the_machine_as_it_is_now() -> None:
    async def run() -> None:
        one, loader = given()
        async with at_pack(one) as pilot:
            golden(pilot, "load-pack")
            await pilot.press("ctrl+n")
            await settle(pilot)
            golden(pilot, "load-pack-loaded")
            assert one.machine == machine("bios-two-disks")
            assert [kept.manifest.title for kept in one.packs] == ["acme-raid 1.2"]
            (answer,) = one.draft.get("packs")
            assert (answer["source"], answer["sha256"]) == ("/dev/sdb1:acme.tar", "a" * 64)
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Menu)
            assert loader.asked == ["load"]

    asyncio.run(run())


@pytest.mark.parametrize("signature", [UNKNOWN, Signature(Trust.UNSIGNED)])
def test_where_nobody_vouches_the_safe_answer_has_the_focus(signature: Signature) -> None:
    async def run() -> None:
        one, loader = given(signature)
        async with at_pack(one) as pilot:
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Ask)
            if signature is UNKNOWN:
                golden(pilot, "load-pack-unknown")
            else:
                golden(pilot, "load-pack-unsigned")
            await pilot.press("enter")
            await settle(pilot)
            assert loader.asked == []
            await pilot.press("ctrl+n", "tab", "enter")
            await settle(pilot)
            assert loader.asked == ["load"]
            assert one.draft.get("packs")[0]["allow_unsigned"] is True

    asyncio.run(run())


def test_what_stands_against_the_loading_is_said_and_can_be_tried_again() -> None:
    async def run() -> None:
        error = PackError("the module acme_raid cannot be loaded: Invalid argument", hint="see dmesg for what the kernel says")
        one, loader = given(error=error)
        async with at_pack(one) as pilot:
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert "! the module acme_raid cannot be loaded: Invalid argument; see dmesg" in words_of(pilot)
            assert not one.packs and not one.draft.given("packs")
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert loader.asked == ["load", "load"]

    asyncio.run(run())


def test_a_driver_for_another_kernel_cannot_be_loaded() -> None:
    async def run() -> None:
        one, loader = given(kernel="6.1.0-1-amd64")
        async with at_pack(one) as pilot:
            await pilot.press("ctrl+n")
            golden(pilot, "load-pack-kernel")
            assert "NOT this one" in words_of(pilot)
            assert "! its modules are for another kernel than " in words_of(pilot)
            assert loader.asked == []

    asyncio.run(run())


def test_a_newer_pack_takes_the_place_of_the_older_one() -> None:
    async def run() -> None:
        one, loader = given()
        async with at_pack(one) as pilot:
            await pilot.press("ctrl+n")
            await settle(pilot)
        newer = Pack(
            loader.pack.manifest.model_copy(update={"version": "1.3"}), loader.pack.place, "b" * 64, loader.pack.signature, "/y"
        )
        LoadPack(one).keep(newer)
        assert [kept.manifest.version for kept in one.packs] == ["1.3"]
        assert [answer["sha256"] for answer in one.draft.get("packs")] == ["b" * 64]

    asyncio.run(run())


def test_without_colour_and_in_german() -> None:
    async def run() -> None:
        switch("de")
        one, _ = given(UNKNOWN)
        import os

        os.environ["NO_COLOR"] = "1"
        async with at_pack(one) as pilot:
            golden(pilot, "load-pack-none")

    asyncio.run(run())
