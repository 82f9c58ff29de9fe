"""Whole runs from the first screen, by keys, on every recorded machine: the plan is the one that the saved answer file gives."""

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.wizard.driving import MACHINES, SEED, Worker, machine, running, session, settle, system_image, type_text
from tests.wizard.packs import with_pack
from tests.wizard.screens import text_of, words_of
from xeninstall.answers.load import load
from xeninstall.machine.model import Machine, Verdict
from xeninstall.plan.build import ImageFile, build
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.install import INSTALL, START
from xeninstall.wizard.kit import Check, Choice, Session, Step, Target
from xeninstall.wizard.kit.language import said
from xeninstall.wizard.steps.done import Done
from xeninstall.wizard.steps.packs import Packs
from xeninstall.wizard.steps.review import Review

HASH = "$y$j9T$gtUPlCBk/yB8xVrIqraMm0$.K5KvhesvD9GY7NGl8c4bYiu7ZXC/Jsp9N.aLotTSK/"


async def answer(pilot: Pilot[int], step: Step, given: Session, *, types: bool) -> None:
    """What a person does on a step before Next; nothing on those whose defaults will do."""
    match step.NAME:
        case "keyboard" if types:
            await type_text(pilot, "german dead")
            await pilot.press("down", "enter")
        case "hardware":
            for check in step.query(Check):
                check.focus()
                await pilot.press("space")
        case "disk":
            for choice in step.query("#disks").results(Choice):
                choice.focus()
                await pilot.press("home", "enter")
            if any(problem.key == "storage.type" for problem in step.problems(given)):
                step.query_one("#storage").focus()
                await pilot.press("end", "space")
        case "root":
            given.draft.set("root.password_hash", HASH)  # typing one is the root step's own test
        case "host" if types:
            await pilot.press("ctrl+u")
            await type_text(pilot, "xen7")


async def to_review(pilot: Pilot[int], given: Session, *, types: bool = True) -> Step:
    """From the first screen to the review, or to the step that cannot be settled on this machine."""
    for _ in range(40):
        step = pilot.app.screen
        assert isinstance(step, Step)
        if step.NAME == Review.NAME:
            break
        if step.NAME == "menu":
            await pilot.press("1")
            continue
        await answer(pilot, step, given, types=types)
        await pilot.press("ctrl+n")
        await settle(pilot)
        stays = pilot.app.screen is step
        if stays:
            break
    else:
        raise AssertionError("the flow does not end")
    return step


def has_obstacle(machine: Machine) -> str:
    """The step at which a run on this machine has to end."""
    if machine.memory_bytes < 1.75 * 2**30:
        return "hardware"
    if not any(disk.usable for disk in machine.disks):
        return "disk"
    return "" if machine.nics else "network"


@pytest.mark.parametrize("name", MACHINES)
def test_a_run_on_any_machine_ends_in_the_plan_of_its_answer_file_or_says_what_is_in_the_way(name: str, tmp_path: Path) -> None:
    async def run() -> None:
        worker = Worker()
        given = session(name, work=worker)
        async with running(Wizard(given, START, [INSTALL])) as pilot:
            last = await to_review(pilot, given, types=False)
            obstacle = has_obstacle(given.machine)
            if obstacle:
                # Refused where it is found out, with the reason on the screen; and nothing is begun.
                assert obstacle == last.NAME, words_of(pilot)
                assert f"! {said(last.problems(given)[0].text)[:40]}" in words_of(pilot)
                assert not worker.performed
                assert not worker.saved
                return
            assert isinstance(last, Review), words_of(pilot)
            await pilot.press("ctrl+n", "shift+tab", *"ERASE", "tab", "tab", "enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Done), words_of(pilot)
        path = tmp_path / "answers.toml"
        path.write_text(worker.saved)
        answers = load(path, stdin=lambda: b"correct horse battery")
        answers = answers.model_copy(update={"root": given.draft.section("root")})
        again = build(answers, system_image(), SEED, machine=given.machine)
        assert again == worker.performed[0][0]
        if given.machine.cpu.virtualization.verdict is Verdict.UNSUPPORTED:
            assert "require_virtualization = false" in worker.saved

    asyncio.run(run())


def test_a_run_onto_an_image_file_needs_no_disk_and_no_word() -> None:
    async def run() -> None:
        worker = Worker()
        given = session("vmd-no-disks", work=worker, target=Target("/srv/host.img", 16 * 2**30))
        async with running(Wizard(given, START, [INSTALL])) as pilot:
            last = await to_review(pilot, given)
            assert isinstance(last, Review), words_of(pilot)
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Done), words_of(pilot)
        made, answers = worker.performed[0]
        assert made == build(answers, system_image(), SEED, image_file=ImageFile("/srv/host.img", 16 * 2**30))

    asyncio.run(run())


def test_the_recorded_machines_are_those_that_can_be_installed_on_and_those_that_cannot() -> None:
    refused = {name: step for name in MACHINES if (step := has_obstacle(machine(name)))}
    assert refused == {"no-nic": "network", "tiny-disk": "disk", "under-xen": "disk", "vmd-no-disks": "disk"}
    assert len(MACHINES) >= 23


@pytest.mark.parametrize("language", ["en", "de"])
def test_back_and_forth_through_all_steps_loses_nothing(language: str) -> None:
    async def run() -> None:
        from xeninstall.wizard.kit.language import switch

        switch(language)
        given = session("bios-two-disks", work=Worker())
        async with running(Wizard(given, START, [INSTALL])) as pilot:
            await to_review(pilot, given)
            entered = dict(given.draft.data)
            names = []
            while not isinstance(pilot.app.screen, START.steps[0]):
                before = pilot.app.screen
                await pilot.press("escape")
                await pilot.pause()
                assert isinstance(pilot.app.screen, Step)
                assert pilot.app.screen is not before
                names.append(pilot.app.screen.NAME)
            asked = [step for step in INSTALL.steps[: INSTALL.steps.index(Review)] if step.applies(given)]
            assert names == [step.NAME for step in [*START.steps, *asked]][::-1]
            assert given.draft.data == entered
            await pilot.press("ctrl+n", "1")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Review)  # nothing is open any more
            assert given.draft.data == entered

    asyncio.run(run())


# Nothing as it comes: what a screen shows after coming back is what was entered, not what it would be anyway.
ENTERED: dict[str, Any] = {
    "keyboard": {"layout": "de", "variant": "nodeadkeys"},
    "disk": {"serial": "S4YNNE0M100001", "erase": True, "system_size": "12G"},
    "storage": {"type": "files"},
    "xen": {"dom0_memory": "3G", "dom0_vcpus": 3},
    "packages": {"sets": ["base", "storage", "monitoring"]},
    "root": {"password_hash": HASH, "ssh_keys": ["ssh-ed25519 " + "A" * 68 + " ada"]},
    "network": {
        "vlan": 20,
        "mtu": 9000,
        "ipv4": {"method": "static", "address": "192.0.2.10/24", "gateway": "192.0.2.1"},
        "ipv6": {"method": "static", "address": "2001:db8::10/64", "gateway": "2001:db8::1"},
    },
    "host": {"name": "xen7", "domain": "example.org"},
    "dns": {"mode": "serve", "forwarders": ["192.0.2.53", "192.0.2.54"], "search": ["example.org"]},
    "time": {"zone": "Europe/Lisbon", "ntp": "servers", "servers": ["192.0.2.123"]},
}


@pytest.mark.parametrize("step", [*START.steps, *INSTALL.steps[: INSTALL.steps.index(Review)]], ids=lambda step: step.NAME)
def test_a_step_shows_what_was_entered_after_back_and_forth_and_after_forth_and_back(step: type[Step]) -> None:
    async def run() -> None:
        given = session("bios-two-disks", data=ENTERED, rehearsal=True)
        disk = next(disk for disk in given.machine.disks if disk.usable)
        given.draft.set("disk.serial", disk.serial)
        given.draft.set("network.nic", given.machine.nics[-1].mac)
        if step is Packs:  # asked about only where there are some
            with_pack(given)
        assert not given.draft.problems()
        entered = copy.deepcopy(given.draft.data)
        app = Wizard(given, START, [INSTALL])
        async with running(app) as pilot:
            app.flow = START if step in START.steps else INSTALL
            app.show(step)
            await settle(pilot)
            forth = "1" if step is START.steps[-1] else "ctrl+n"
            shown = body_of(pilot)
            for back, on in (("escape", True), (forth, False)):
                if back == "escape" and not step.HAS_BACK:
                    continue
                await pilot.press(back)
                await settle(pilot)
                assert not isinstance(app.screen, step)
                await pilot.press(("1" if isinstance(app.screen, START.steps[-1]) else "ctrl+n") if on else "escape")
                await settle(pilot)
                assert isinstance(app.screen, step)
                assert body_of(pilot) == shown
                assert given.draft.data == entered

    asyncio.run(run())


def body_of(pilot: Pilot[int]) -> list[str]:
    """What stands between head and notice; where the focus is does not matter."""
    return text_of(pilot)[1:21]


def test_every_step_has_help_and_a_heading_that_fits() -> None:
    for step in [*START.steps, *INSTALL.steps]:
        assert 0 < len(step.heading()) <= 40
        assert len(step.explanation()) > 40


def test_f1_and_its_twin_explain_every_step_and_leave_it_as_it_was() -> None:
    async def run() -> None:
        given = session("bios-two-disks", work=Worker(), reviewed=True)
        app = Wizard(given, START, [INSTALL])
        async with running(app) as pilot:
            for step in INSTALL.steps[: INSTALL.steps.index(Review) + 1]:
                app.show(step)
                await pilot.pause()
                for key in ("f1", "ctrl+g"):
                    await pilot.press(key)
                    assert step.explanation().split()[0] in words_of(pilot)
                    await pilot.press("escape")
                    assert isinstance(app.screen, step)

    asyncio.run(run())


def test_leaving_asks_and_the_safe_answer_stays() -> None:
    async def run() -> int | None:
        async with running(Wizard(session(), START, [INSTALL])) as pilot:
            await pilot.press("ctrl+c", "enter")
            assert isinstance(pilot.app.screen, START.steps[0])
            await pilot.press("ctrl+c", "right", "enter")
        return pilot.app.return_value

    assert asyncio.run(run()) == 4


def test_with_answers_only_what_they_leave_open_is_asked() -> None:
    given = session("bios-two-disks", reviewed=True)
    disk = next(disk for disk in given.machine.disks if disk.usable)
    given.draft.set("root.password_hash", HASH)
    flow = Flow("install", INSTALL.title, INSTALL.about, INSTALL.steps, Review)
    assert flow.first(given).NAME == "disk"
    given.draft.set("disk", {"serial": disk.serial, "erase": True})
    assert flow.first(given) is Review
    given.draft.set("host.name", "a_b")
    assert flow.first(given).NAME == "host"
