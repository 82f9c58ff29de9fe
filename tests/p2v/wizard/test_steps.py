"""Each step of the convert flow: what it asks, what it refuses, what it shows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2v.preflight import Finding, Severity
from p2v.wizard.flow import CONVERT
from p2v.wizard.looking import OnDisk, found
from p2v.wizard.steps.cards import Cards
from p2v.wizard.steps.done import Converted
from p2v.wizard.steps.machine import VirtualMachineStep
from p2v.wizard.steps.network import SourceAddress, SourceNetwork
from p2v.wizard.steps.options import Options
from p2v.wizard.steps.review import ConvertReview
from p2v.wizard.steps.source import Source
from p2v.wizard.steps.verdicts import Verdicts
from tests.wizard.driving import driven, press_act, running, session, settle, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.answers.model import Dns, Network
from xeninstall.base.errors import Error
from xeninstall.base.events import Finished
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.install import INSTALL, START
from xeninstall.wizard.kit import Field, Session
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.steps.menu import Menu

from .given import judged, recorded


def test_every_step_has_help_and_a_heading_that_fits_in_both_languages() -> None:
    for code in ("en", "de"):
        switch(code)
        for step in CONVERT.steps:
            assert 0 < len(step.heading()) <= 40
            assert len(step.explanation()) > 40


def test_the_menu_offers_it_and_its_answers_put_the_others_away() -> None:
    async def run() -> None:
        given = session("nvme", data={"disk": {"erase": True}, "host": {"name": "xen7"}}, on_medium=True)
        app = Wizard(given, START, [INSTALL, CONVERT])
        async with running(app) as pilot:
            app.show(Menu)
            await pilot.pause()
            assert "2 Convert this machine (P2V) its systems become a virtual machine elsewhere" in words_of(pilot)
            await pilot.press("2")
            await pilot.pause()
            assert isinstance(app.screen, SourceNetwork)
            assert given.draft.data == {"flow": "convert"}
            await pilot.press("escape", "1")
            await pilot.pause()
            assert app.flow is INSTALL and given.draft.data == {"disk": {"erase": True}, "host": {"name": "xen7"}}

    asyncio.run(run())


def test_given_answers_to_convert_begin_in_this_flow() -> None:
    async def run() -> None:
        given = judged(recorded(source=[{"serial": "WD-WCC4N0000001"}]))
        given.reviewed = True
        async with running(Wizard(given, START, [INSTALL, CONVERT])) as pilot:
            assert pilot.app.screen in (pilot.app.screen,) and type(pilot.app.screen) in CONVERT.steps

    asyncio.run(run())


def test_the_network_of_a_running_system_is_not_asked_for() -> None:
    assert not SourceNetwork.applies(session()) and not SourceAddress.applies(session())
    assert SourceNetwork.applies(session(on_medium=True)) and SourceAddress.applies(session(rehearsal=True))


def test_going_on_sets_the_network_up_and_says_why_it_cannot() -> None:
    async def run() -> None:
        asked: list[tuple[Network, Dns]] = []
        troubles = ["no address", ""]

        def use(network: Network, dns: Dns) -> None:
            asked.append((network, dns))
            if trouble := troubles.pop(0):
                raise Error(trouble, hint="look at the cable")

        given = recorded()
        given.on_medium, given.use_network = True, use
        async with driven(given, SourceAddress, Source) as (pilot, step):
            step.query_one("#servers", Field).line.focus()
            await type_text(pilot, "192.0.2.53")
            golden(pilot, "convert-address")
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert "! no address; look at the cable" in words_of(pilot) and pilot.app.screen is step
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Source)
        assert asked[0] == asked[1] and asked[0][1].servers == ("192.0.2.53",) and asked[0][1].mode == "servers"

    asyncio.run(run())


def test_the_machine_takes_what_the_system_calls_itself_and_what_is_typed() -> None:
    async def run() -> None:
        given = recorded()
        given.draft.set("convert.name", None)
        async with driven(given, VirtualMachineStep) as (pilot, step):
            assert given.draft.get("convert.name") == "old"
            await pilot.press("tab")
            await type_text(pilot, "3")
            await pilot.press("tab")
            await type_text(pilot, "6G")
            golden(pilot, "convert-machine")
            assert (given.draft.get("convert.vcpus"), given.draft.get("convert.memory")) == (3, "6G")
            assert VirtualMachineStep.summary(given) == "old; 3 vCPUs; 6 GiB"
            step.query_one("#name", Field).fill("a/b")
            await pilot.press("ctrl+n")
            assert "'a/b' is not a name for a virtual machine" in words_of(pilot)
            step.query_one("#name", Field).fill("")
            await pilot.press("ctrl+n")
            assert "! Name: missing; write a name such as old-server" in words_of(pilot)

    asyncio.run(run())


def test_each_card_has_its_bridge() -> None:
    async def run() -> None:
        given = recorded("ten-nics")
        async with driven(given, Cards) as (pilot, step):
            step.query_one("#nic1", Field).line.focus()
            await type_text(pilot, "dmz")
            golden(pilot, "convert-cards")
            mac = given.machine.nics[1].mac
            assert given.draft.data["convert"]["nics"] == [{"nic": mac, "bridge": "dmz"}]
            assert Cards.summary(given) == f"xenbr0; {mac}: dmz"
            step.query_one("#nic1", Field).fill("")
            await pilot.pause()
            assert "nics" not in given.draft.data["convert"]
        async with driven(recorded("no-nic"), Cards) as (pilot, _):
            assert "the virtual machine gets none" in words_of(pilot)

    asyncio.run(run())


def test_options_are_yes_or_no_and_what_depends_goes_along() -> None:
    async def run() -> None:
        given = recorded(drop_hibernation=True)
        async with driven(given, Options) as (pilot, step):
            golden(pilot, "convert-options")
            for name in ("repair", "drop", "trial", "verify"):
                step.query_one(f"#{name}").focus()
                await pilot.press("space")
            assert not step.query_one("#hibernation").display
            wanted = given.draft.data["convert"]
            assert (wanted["repair"], wanted["drop"], wanted["test_boot"], wanted["verify"]) == (
                False,
                ["page-files"],
                True,
                False,
            )
            assert "drop_hibernation" not in wanted and not step.problems(given)
            assert Options.summary(given) == "no repairs, page files stay behind, trial start"

    asyncio.run(run())


def test_what_a_stopped_conversion_left_can_be_dropped_on_a_host_of_ours() -> None:
    async def run() -> None:
        for target, shown in (("/srv/machines", False), ("xapi://root@xcp1", False), ("ssh://root@xen1", True)):
            given = recorded(target=target)
            async with driven(given, Options) as (pilot, step):
                assert step.query_one("#discard").display == shown
                if shown:
                    step.query_one("#discard").focus()
                    await pilot.press("space")
                    assert given.draft.data["convert"]["discard"] is True and not step.problems(given)
                    assert Options.summary(given) == "repairs, comparison, begun anew"

    asyncio.run(run())


def test_drivers_are_asked_for_where_windows_was_found() -> None:
    async def run() -> None:
        given = recorded()
        async with driven(given, Options) as (_, step):
            assert not step.query_one("#drivers").display
        first = next(iter(found(given).disks))
        found(given).disks[first] = OnDisk(("Windows 10 Pro, 22H2, build 19045",), (), 7 << 30)
        async with driven(given, Options) as (pilot, step):
            step.query_one("#drivers", Field).line.focus()
            await type_text(pilot, "/mnt/virtio-win/w10")
            golden(pilot, "convert-options-windows")
            assert given.draft.data["convert"]["drivers"] == ["/mnt/virtio-win/w10"]
            step.query_one("#repair").focus()
            await pilot.press("space")
            assert "drivers" not in given.draft.data["convert"] and not step.problems(given)

    asyncio.run(run())


def test_verdicts_are_shown_all_at_once_and_what_stands_against_it_keeps_one_here() -> None:
    hibernates = "Windows hibernates, or was shut down by a fast start-up"
    refused = Finding(Severity.REFUSED, "Windows 10", hibernates, "start it and shut it down")
    locked = "it is encrypted (LUKS2): it is copied whole"
    warned = Finding(Severity.WARNING, "/dev/sda, partition 3", locked, "see that a passphrase opens it")

    async def run() -> None:
        given = judged(recorded(), refused, warned)
        async with driven(given, Verdicts, ConvertReview) as (pilot, step):
            golden(pilot, "convert-verdicts-refused")
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
        async with driven(judged(given, warned), Verdicts, Options) as (pilot, _):
            golden(pilot, "convert-verdicts")
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Options)
        # Another answer, and what was found is worth nothing.
        given.draft.set("convert.format", "vhd")
        assert "nobody has looked yet" in Verdicts.problems(given)[0].text

    asyncio.run(run())


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_review_says_what_leaves_and_that_nothing_changes_here(language: str) -> None:
    async def run() -> None:
        switch(language)
        given = recorded()
        first = next(disk for disk in given.machine.disks if not disk.removable)
        given.draft.set("convert.source", [{"serial": first.serial}])
        judged(given)
        given.reviewed = True
        async with running(Wizard(given, START, [INSTALL, CONVERT])) as pilot:
            assert isinstance(pilot.app.screen, ConvertReview), words_of(pilot)
            golden(pilot, f"convert-review{'-german' if language == 'de' else ''}")

    asyncio.run(run())


def test_the_end_says_how_it_is_started_and_switches_off() -> None:
    async def run() -> None:
        given = recorded()
        given.on_medium, given.saved = True, Path("/run/xeninstall/convert.answers.toml")
        given.done = Finished(95.0, {})
        found(given).facts = {
            "images": "/run/p2v/target/0a1b/machines/sda.qcow2",
            "copied": "7.1 GiB from 7 GiB in use",
            "compared": "7.1 GiB, all as they were read",
            "trial start": "up after 40 s",
            "virtual machine": "old-server: 8 vCPUs, 32 GiB",
            "start it": "xl create /run/p2v/target/0a1b/machines/old-server.cfg",
        }
        async with driven(given, Converted) as (pilot, _):
            golden(pilot, "convert-done")
            await press_act(pilot, "poweroff")
            await settle(pilot)
        assert given.runner.commands == [("systemctl", "poweroff")]  # type: ignore[attr-defined]

    asyncio.run(run())


@pytest.mark.parametrize("name", ["nvme", "windows", "multipath-san", "ten-nics", "no-nic"])
def test_a_rehearsal_on_any_machine_ends_without_looking_or_writing(name: str) -> None:
    async def run() -> None:
        given = session(name, rehearsal=True)
        async with running(Wizard(given, START, [INSTALL, CONVERT])) as pilot:
            seen = []
            for _ in range(30):
                step: Any = pilot.app.screen
                seen.append(step.NAME)
                if isinstance(step, Converted):
                    break
                if isinstance(step, Menu):
                    await pilot.press("2")
                else:
                    await answers_of(step, given)
                    await pilot.press("ctrl+n")
                await settle(pilot)
            assert isinstance(pilot.app.screen, Converted), words_of(pilot)
            assert seen.index("review") > seen.index("cards") > seen.index("source") and "verdicts" not in seen
        assert given.runner.commands == []  # type: ignore[attr-defined]

    asyncio.run(run())


async def answers_of(step: Any, given: Session) -> None:
    """What has no default."""
    wanted: dict[str, Callable[[], None]] = {
        "target": lambda: given.draft.set("convert.target", "/srv/machines"),
        "machine": lambda: given.draft.set("convert.name", "old"),
    }
    wanted.get(step.NAME, lambda: None)()
