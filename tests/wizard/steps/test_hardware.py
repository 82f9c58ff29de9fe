"""The hardware check: the verdict in words, the way to the setting, and a deliberate yes where something will not work."""

import asyncio

import pytest

from tests.wizard.driving import MACHINES, driven, machine, session, settle
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.machine.model import Machine
from xeninstall.wizard.steps import hardware
from xeninstall.wizard.steps.hardware import Hardware


def test_a_machine_that_is_ready_needs_no_answer() -> None:
    async def run() -> None:
        given = session("nvme")
        async with driven(given, Hardware) as (pilot, _):
            golden(pilot, "hardware")
        assert Hardware.problems(given) == []

    asyncio.run(run())


def test_virtualization_that_is_switched_off_names_the_setting_and_takes_a_deliberate_yes() -> None:
    async def run() -> None:
        given = session("intel-vt-off")
        async with driven(given, Hardware, Hardware) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            golden(pilot, "hardware-vt-off")
            await pilot.press("space")
            assert given.draft.get("hardware.require_virtualization") is False
            assert Hardware.problems(given) == []
            await pilot.press("space")
            assert not given.draft.given("hardware.require_virtualization")

    asyncio.run(run())


def test_secure_boot_is_said_before_anything_is_written_and_has_its_own_yes() -> None:
    async def run() -> None:
        given = session("uefi-secure-boot")
        async with driven(given, Hardware) as (pilot, _):
            assert Hardware.problems(given)
            golden(pilot, "hardware-secure-boot")
            await pilot.press("space")
            assert given.draft.data == {"hardware": {"accept_secure_boot": True}}
            assert Hardware.problems(given) == []

    asyncio.run(run())


def test_check_again_looks_at_the_machine_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe(_runner: object) -> Machine:
        return machine("nvme")

    async def run() -> None:
        monkeypatch.setattr(hardware, "probe", probe)
        given = session("intel-vt-off")
        async with driven(given, Hardware) as (pilot, _):
            await pilot.press("down", "enter")
            await settle(pilot)
            assert given.machine == machine("nvme")
            assert "ready (AMD SVM)" in words_of(pilot) or "ready (Intel VT-x)" in words_of(pilot)

    asyncio.run(run())


@pytest.mark.parametrize("name", MACHINES)
def test_every_recorded_machine_fits_on_the_screen(name: str) -> None:
    async def run() -> None:
        async with driven(session(name), Hardware) as (pilot, step):
            body = step.query_one("Body")
            assert body.virtual_size.height <= 21, "\n".join(text_of(pilot))

    asyncio.run(run())
