"""Disks: all are listed, what cannot be used says why, nothing is chosen by itself, and names are those that last."""

import asyncio

import pytest

from tests.wizard.driving import MACHINES, driven, press_act, session, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.machine.model import Disk as FoundDisk
from xeninstall.wizard import disks
from xeninstall.wizard.kit import Session, Sheet, Target
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
            # Next leads to where it can be mended.
            assert isinstance(pilot.app.screen, Sheet)
            assert "4 GiB is too small for the system" in words_of(pilot)
            await pilot.press("ctrl+u")
            await type_text(pilot, "12G")
            await pilot.press("escape")
            assert not Disk.problems(given)

    asyncio.run(run())


def test_a_machine_without_a_usable_disk_is_told_what_would_help() -> None:
    def said_of(name: str) -> str:
        return Disk.problems(session(name))[-1].text

    assert said_of("tiny-disk") == ("none of this machine's disks can be used; attach another one, or do what stands at them")
    assert said_of("vmd-no-disks") == "the machine shows no disks; attach one, or load the driver of its controller"
    assert said_of("nvme") == "no disk is chosen yet; choose one with the arrow keys and Enter"


def test_typing_replaces_the_automatic_sizes() -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        async with driven(given, Disk) as (pilot, _):
            await press_act(pilot, "advanced")
            await pilot.press("tab")
            await type_text(pilot, "2G")
            assert given.draft.get("xen.dom0_memory") == "2G"

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
