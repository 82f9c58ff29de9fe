"""The step that marks the disks: what is on them, what cannot be marked, and what a passphrase opens."""

import asyncio
from pathlib import Path

import pytest

from p2v.wizard.looking import OnDisk, conversion, found
from p2v.wizard.steps import source
from p2v.wizard.steps.source import Source
from p2v.wizard.steps.target import TargetPlace
from tests.wizard.driving import driven, session, settle, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.wizard.kit import Field

from .given import real, recorded


def test_disks_show_their_systems_and_one_that_is_in_use_cannot_be_marked() -> None:
    async def run() -> None:
        given = recorded()
        async with driven(given, Source, TargetPlace) as (pilot, step):
            golden(pilot, "convert-source")
            # As suggested, both are marked; the one in use keeps Next from working until its mark is gone.
            assert any("is in use" in one.text for one in step.problems(given))
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            marked = [disk.path for disk in given.machine.disks if found(given).disks.get(disk.path, None)][:1]
            step._write(marked)  # type: ignore[attr-defined]
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, TargetPlace)
            given.draft.set("convert.source", [])
            assert "no disk is marked" in Source.problems(given)[0].text

    asyncio.run(run())


@pytest.mark.root
def test_a_disk_that_turns_out_to_be_in_use_loses_its_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        given = session("bios-two-disks")
        first, second = (disk.path for disk in given.machine.disks if not disk.removable)
        seen = {first: OnDisk(("Old Debian",), ("old",), 1 << 30), second: OnDisk(trouble=f"{second} is in use: swap")}
        monkeypatch.setattr(source, "look", lambda paths, runner, passphrases: seen)
        async with driven(given, Source, TargetPlace) as (pilot, _):
            await settle(pilot)
            assert f"Taken out, since it cannot be read now: {second}" in words_of(pilot)
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert isinstance(pilot.app.screen, TargetPlace)
        assert len(given.draft.data["convert"]["source"]) == 1

    asyncio.run(run())


@pytest.mark.root
def test_what_is_encrypted_is_opened_by_its_passphrase_which_is_kept_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        given, _ = real(tmp_path, "correct horse", data={"flow": "convert", "convert": {"name": "old", "target": str(tmp_path)}})
        async with driven(given, Source, TargetPlace) as (pilot, step):
            await settle(pilot)
            assert "locked: partition 1" in words_of(pilot) and "F5 ^T Unlock" in words_of(pilot)
            line = step.query_one("#passphrase", Field)
            line.line.focus()
            await type_text(pilot, "wrong battery")
            await pilot.press("ctrl+t")
            await settle(pilot)
            assert "no passphrase that was given opens it" in words_of(pilot) and found(given).passphrases == ()
            line.fill("correct horse")
            await pilot.pause()
            assert "horse" not in words_of(pilot)
            await pilot.press("ctrl+t")
            await settle(pilot)
            assert "Old Debian" in words_of(pilot) and "Opened: " in words_of(pilot) and "locked:" not in words_of(pilot)
            assert not step.query_one("#passphrase").display and line.line.value == ""
        looked = conversion(given).preflight()
        assert "Old Debian: it can be repaired" in looked.as_text() and not looked.refused
        everywhere = f"{given.draft.data} {found(given)} {caplog.text} {looked.as_text()} {vars(conversion(given))}"
        assert "horse" not in everywhere and "battery" not in everywhere

    caplog.set_level("DEBUG")
    asyncio.run(run())


def test_a_passphrase_is_asked_for_where_something_is_locked() -> None:
    async def run() -> None:
        given = recorded()
        first = next(iter(found(given).disks))
        serial = next(disk.serial for disk in given.machine.disks if disk.path == first)
        given.draft.set("convert.source", [{"serial": serial}])
        found(given).disks[first] = OnDisk((), (), 7 << 30, ("partition 3",))
        async with driven(given, Source) as (pilot, step):
            assert step.query_one("#passphrase").display
            step.query_one("#passphrase", Field).line.focus()
            await type_text(pilot, "secret")
            golden(pilot, "convert-source-locked")
            assert "secret" not in str(given.draft.data)

    asyncio.run(run())
