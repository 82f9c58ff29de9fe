"""The first menu: flows by digit or Enter; shell and reboot only where the machine is ours."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.wizard.driving import Recorder, driven, running, session, settle
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.base.run import Completed
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.menu import Menu

START = Flow("start", lambda: "", lambda: "", (Menu,))
INSTALL = Flow("install", lambda: "Install a Xen host", lambda: "onto this machine", (Host,))
CONVERT = Flow("convert", lambda: "Convert this machine", lambda: "into a virtual machine", (Host,))


def test_a_flow_that_is_registered_is_listed_and_its_digit_begins_it() -> None:
    async def run() -> None:
        app = Wizard(session(), START, [INSTALL, CONVERT])
        async with running(app) as pilot:
            golden(pilot, "menu")
            await pilot.press("2")
            assert app.flow is CONVERT
            assert isinstance(app.screen, Host)
            await pilot.press("ctrl+p")
            assert isinstance(app.screen, Menu)

    asyncio.run(run())


def test_on_the_boot_medium_there_is_a_shell_beside_the_wizard_and_a_reboot_that_asks() -> None:
    async def run() -> list[tuple[str, ...]]:
        runner = Recorder()
        async with running(Wizard(session(on_medium=True, runner=runner), START, [INSTALL])) as pilot:
            await pilot.press("2", "3")
            golden(pilot, "menu-reboot")
            await pilot.press("enter")  # the safe answer has the focus
            await settle(pilot)
            assert len(runner.commands) == 1
            await pilot.press("3", "tab", "enter")
            await settle(pilot)
        return runner.commands

    assert asyncio.run(run()) == [("tmux", "new-window", "-n", "shell"), ("systemctl", "reboot")]


def test_in_a_rehearsal_shell_and_reboot_are_grey_and_do_nothing() -> None:
    async def run() -> None:
        runner = Recorder()
        async with running(Wizard(session(rehearsal=True, runner=runner), START, [INSTALL])) as pilot:
            await pilot.press("2", "3")
            assert sum("not in a rehearsal" in line for line in text_of(pilot)) == 2
            assert "REHEARSAL: nothing is written" in text_of(pilot)[0]
            assert runner.commands == []

    asyncio.run(run())


def test_a_machine_that_does_not_start_again_says_why() -> None:
    class Stubborn(Recorder):
        def run(self, argv: Sequence[str], **_how: Any) -> Completed:
            return Completed(tuple(argv), 1, "", "Failed to set wall message\nCall to Reboot failed: Connection timed out\n")

    async def run() -> None:
        async with driven(session(runner=Stubborn(), on_medium=True), Menu) as (pilot, step):
            await pilot.press("end", "enter", "right", "enter")
            await settle(pilot)
            assert "! Call to Reboot failed: Connection timed out" in words_of(pilot)
            assert pilot.app.screen is step

    asyncio.run(run())


def test_an_interrupted_installation_is_offered_first_and_goes_on_with_its_answers() -> None:
    async def run() -> None:
        given = session(unfinished="/dev/nvme0n1, serial S64HNE0R501200")
        given.go_on = lambda: given.draft.set("host.name", "begun")
        app = Wizard(given, START, [CONVERT, INSTALL])
        async with running(app) as pilot:
            assert any("1  Go on with an interrupted installation" in line for line in text_of(pilot))
            assert any("/dev/nvme0n1, serial S64HNE0R501200" in line for line in text_of(pilot))
            await pilot.press("1")
            assert app.flow is INSTALL and given.draft.get("host.name") == "begun"

    asyncio.run(run())
