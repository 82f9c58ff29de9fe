"""The step that asks for the target: folders, attached disks, hosts with their storages; each is tried."""

import asyncio
import re
from pathlib import Path

import pytest

from p2v.wizard.steps.machine import VirtualMachineStep
from p2v.wizard.steps.target import TargetPlace
from tests.p2v.target.sshd import Sshd, receiver
from tests.wizard.driving import driven, settle, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.base.run import SystemRunner
from xeninstall.wizard.kit import Choice, Field

from .given import recorded


def test_a_target_is_tried_before_one_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        given = recorded(target=str(tmp_path / "a/machines"))
        async with driven(given, TargetPlace, VirtualMachineStep) as (pilot, step):
            await pilot.press("ctrl+t")
            await settle(pilot)
            assert f"{tmp_path}/a/machines:".replace(" ", "") in words_of(pilot).replace(" ", "") and " free" in words_of(pilot)
            (tmp_path / "file").write_text("")
            line = step.query_one("#target", Field)
            line.fill(str(tmp_path / "file/x"))
            await pilot.pause()
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert pilot.app.screen is step and "! the folder /" in words_of(pilot)
            line.fill("gopher://host/x")
            await pilot.pause()
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert pilot.app.screen is step and "! Folder or address: not a place that can be sent to" in words_of(pilot)
            line.fill("geheim")
            await pilot.pause()
            assert "neither an absolute path nor a URL" in words_of(pilot)
            line.fill(str(tmp_path))
            await pilot.pause()
            step.query_one("#format", Choice).focus()
            await pilot.press("down", "space", "ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, VirtualMachineStep)
        assert given.draft.data["convert"]["format"] == "raw"
        assert TargetPlace.summary(given).startswith(f"{tmp_path} (raw); ")

    asyncio.run(run())


@pytest.mark.root
def test_a_host_is_logged_in_to_and_its_room_shown_and_the_password_is_nowhere(tmp_path: Path) -> None:
    host = Sshd(tmp_path / "host/ssh", receiver(tmp_path / "host"))

    async def run() -> None:
        given = recorded(target=host.to)
        given.runner = SystemRunner()
        async with driven(given, TargetPlace, VirtualMachineStep) as (pilot, step):
            assert not step.query_one("#format").display and step.query_one("#password").display
            step.query_one("#password", Field).line.focus()
            await type_text(pilot, "geheim")
            await pilot.press("ctrl+t")
            await settle(pilot)
            assert "a password must not go to a stranger" in words_of(pilot)
            assert "geheim" not in words_of(pilot) and "geheim" not in str(given.draft.data)
            step.query_one("#password", Field).fill("")
            step.query_one("#host-key", Field).fill(host.fingerprint)
            step.query_one("#identity", Field).fill(str(host.key))
            await pilot.pause()
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, VirtualMachineStep), words_of(pilot)
            assert "images: " in TargetPlace.summary(given)

    try:
        asyncio.run(run())
    finally:
        host.stop()


@pytest.mark.root
def test_of_several_storages_one_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    host = Sshd(tmp_path / "host/ssh", receiver(tmp_path / "host", "--files", str(tmp_path / "big")))

    async def run() -> None:
        given = recorded(target=host.to)
        given.runner = SystemRunner()
        async with driven(given, TargetPlace, VirtualMachineStep) as (pilot, step):
            listed = step.query_one("#storage", Choice)
            step.query_one("#host-key", Field).fill(host.fingerprint)
            step.query_one("#identity", Field).fill(str(host.key))
            await pilot.pause()
            assert not listed.display
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert pilot.app.screen is step and listed.display and listed.chosen == "images"
            assert "It has several storages: choose one, or go on with the usual one." in words_of(pilot)
            assert re.search(r"\(\*\) images .* free +files; the usual one", words_of(pilot))
            await pilot.press("down", "space")
            await pilot.pause()
            assert given.draft.data["convert"]["target"] == f"{host.to}/big" and listed.chosen == "big"
            step.query_one("#target", Field).fill(f"{host.to}/huge")
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert "! it has no storage 'huge'; choose one that it has" in words_of(pilot) and listed.chosen is None
            step.query_one("#target", Field).fill("ssh://[fe80::1")
            await pilot.pause()
            assert not listed.display
            step.query_one("#target", Field).fill(f"{host.to}/big")
            await pilot.pause()
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, VirtualMachineStep), words_of(pilot)

    try:
        asyncio.run(run())
    finally:
        host.stop()


def test_attached_file_systems_are_offered_and_a_source_is_not() -> None:
    async def run() -> None:
        given = recorded(target=None)
        given.draft.set("convert.target", None)
        async with driven(given, TargetPlace) as (pilot, _):
            golden(pilot, "convert-target")

    asyncio.run(run())
