"""Disks: all are listed, what cannot be used says why, nothing is chosen by itself, and names are those that last."""

import asyncio

import pytest

from tests.wizard.driving import MACHINES, driven, press_act, session, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.machine.model import Disk as FoundDisk
from xeninstall.wizard import disks
from xeninstall.wizard.kit import Session, Target
from xeninstall.wizard.steps.disk import Disk


def usable(given: Session) -> list[FoundDisk]:
    return [disk for disk in given.machine.disks if disk.usable]


def test_nothing_is_chosen_by_itself_and_a_choice_is_remembered_by_serial() -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        async with driven(given, Disk, Disk) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            golden(pilot, "disk-none")
            await pilot.press("enter")
            chosen = usable(given)[0]
            assert given.draft.data["disk"] == {"serial": chosen.serial, "erase": True}
            golden(pilot, "disk")

    asyncio.run(run())


def test_an_unusable_disk_is_listed_with_its_reason_and_cannot_be_chosen() -> None:
    async def run() -> None:
        given = session("tiny-disk")
        async with driven(given, Disk) as (pilot, _):
            await pilot.press("end", "enter")
            assert "disk" not in given.draft.data
            golden(pilot, "disk-unusable")

    asyncio.run(run())


def test_a_mirror_and_a_further_disk_cannot_be_the_system_disk() -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        first, second = usable(given)
        async with driven(given, Disk) as (pilot, _):
            await pilot.press("enter")
            await press_act(pilot, "mirror")
            golden(pilot, "disk-mirror")
            await pilot.press("down", "space", "escape")
            assert given.draft.get("disk.mirror") == {"serial": second.serial}
            assert f"Mirror: {second.path}" in words_of(pilot)
            # Who then takes the partner for the system has no partner any more.
            await pilot.press("shift+tab", "shift+tab", "shift+tab")
            pilot.app.screen.query_one("#disks").focus()
            await pilot.press("down", "space")
            assert given.draft.data["disk"] == {"serial": second.serial, "erase": True}
            assert first.serial != second.serial

    asyncio.run(run())


def test_further_disks_go_with_thin_storage_and_are_dropped_with_files() -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        second = usable(given)[1]
        async with driven(given, Disk) as (pilot, _):
            await pilot.press("enter")
            await press_act(pilot, "extras")
            await pilot.press("space", "escape")
            assert given.draft.get("storage.extra_disks") == [{"serial": second.serial, "erase": True}]
            pilot.app.screen.query_one("#storage").focus()
            await pilot.press("down", "space")
            assert given.draft.data["storage"] == {"type": "files"}

    asyncio.run(run())


def test_a_size_that_cannot_be_is_refused_in_words_as_it_is_typed() -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        async with driven(given, Disk) as (pilot, _):
            await pilot.press("enter")
            await press_act(pilot, "advanced")
            await type_text(pilot, "4G")
            golden(pilot, "disk-advanced")
            await pilot.press("escape", "ctrl+n")
            assert "4 GiB is too small for the system" in words_of(pilot)

    asyncio.run(run())


def test_an_image_file_has_no_disks_to_choose_and_one_that_exists_must_be_given_up() -> None:
    async def run() -> None:
        given = session(target=Target("/srv/host.img", 16 * 2**30, exists=True))
        async with driven(given, Disk, Disk) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            golden(pilot, "disk-image")
            pilot.app.screen.query_one("#overwrite").focus()
            await pilot.press("space")
            assert Disk.problems(given) == []

    asyncio.run(run())


def test_an_image_too_small_for_thin_storage_says_so_at_once() -> None:
    given = session(target=Target("/srv/host.img", 9 * 2**30))
    assert [problem.key for problem in Disk.problems(given)] == ["storage.type"]
    given.draft.set("storage.type", "files")
    assert Disk.problems(given) == []


@pytest.mark.parametrize("name", MACHINES)
def test_every_usable_disk_of_every_machine_can_be_named_for_good(name: str) -> None:
    machine = session(name).machine
    for disk in disks.choosable(machine):
        assert disks.named(disks.selector(disk, machine), machine) == disk
        assert len(disks.rows([disk], {})) == 1
