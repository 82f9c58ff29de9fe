"""The whole flow by keys, with the real engine: a disk becomes a virtual machine in a folder, and the disk stays as it was."""

import asyncio
import threading
from pathlib import Path

import pytest

from p2v import conversion
from p2v.answers import disks_of
from p2v.vm.console import TrialError
from p2v.wizard.flow import CONVERT
from p2v.wizard.steps import progress, review
from p2v.wizard.steps.done import Converted
from p2v.wizard.steps.progress import Converting
from p2v.wizard.steps.target import TargetPlace
from tests.p2v.disks import sha
from tests.wizard.driving import running, settle, type_text
from tests.wizard.screens import words_of
from xeninstall.answers.load import load
from xeninstall.base.errors import Stopped
from xeninstall.base.events import Emit, StageFinished, StageStarted
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.install import INSTALL, LOAD, START
from xeninstall.wizard.kit import Step

from .given import real

pytestmark = pytest.mark.root


def test_a_machine_is_converted_by_keys_and_its_answers_do_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials: list[str | TrialError] = [TrialError("old does not start", hint="look at the report of repairs"), "up after 3 s"]

    def trial(*_: object, **__: object) -> str:
        outcome = trials.pop(0)
        if isinstance(outcome, TrialError):
            raise outcome
        return outcome

    monkeypatch.setattr(conversion, "trial_of_folder", trial)
    for module in (progress, review):
        monkeypatch.setattr(module, "STATE", tmp_path / "state")
    to = tmp_path / "machines"

    async def run() -> None:
        given, image = real(tmp_path)
        before = sha(image)
        async with running(Wizard(given, START, [INSTALL, LOAD, CONVERT])) as pilot:
            seen = []
            while not isinstance(step := pilot.app.screen, Converting):
                assert isinstance(step, Step)
                seen.append(step.NAME)
                await settle(pilot)
                if step.NAME == "menu":
                    await pilot.press("3")
                    await settle(pilot)
                    continue
                if isinstance(step, TargetPlace):
                    await pilot.press("enter")
                    await type_text(pilot, str(to))
                if step.NAME == "options":
                    step.query_one("#trial").focus()
                    await pilot.press("space")
                await pilot.press("ctrl+n")
                await settle(pilot)
                assert pilot.app.screen is not step, words_of(pilot)
            await settle(pilot)
            assert seen == ["keyboard", "menu", "source", "target", "machine", "cards", "options", "verdicts", "review"]
            said = words_of(pilot)
            assert "[!] Trial start" in said and "FAILED at: Trial start Cause: old does not start" in said
            await pilot.press("enter")  # Try again
            await settle(pilot)
            assert isinstance(pilot.app.screen, Converted), words_of(pilot)
            unbroken = words_of(pilot).replace(" ", "")  # a long path is broken into lines
            assert "xlcreate/" in unbroken and "machines/old-box.cfg" in unbroken
        assert sha(image) == before
        assert sorted(path.suffix for path in to.iterdir() if path.name.startswith("old-box")) == [".cfg", ".xml"]
        assert given.saved is not None
        answers = load(given.saved)
        assert (answers.flow, answers.convert.name, answers.convert.target) == ("convert", "old-box", str(to))
        assert disks_of(answers.convert, given.machine) == (str(image),)
        assert "p2v" in (tmp_path / "state/convert.log").read_text() or (tmp_path / "state/convert.log").exists()

    asyncio.run(run())


def test_a_conversion_is_stopped_after_a_question_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (progress, review):
        monkeypatch.setattr(module, "STATE", tmp_path / "state")
    to = tmp_path / "machines"

    async def run() -> None:
        given, _ = real(tmp_path)
        wanted = {
            "name": "old",
            "target": str(to),
            "format": "raw",
            "source": [{"serial": "OLD1"}],
            "repair": False,
            "limit": "512K",
        }
        for key, value in {"flow": "convert", "convert": wanted}.items():
            given.draft.set(key, value)
        app = Wizard(given, START, [CONVERT])
        async with running(app) as pilot:
            app.flow = CONVERT
            app.show(Converting)
            for _ in range(200):
                await pilot.pause(0.05)
                if " % " in words_of(pilot):
                    break
            await pilot.press("ctrl+c")
            assert "Stop the conversion?" in words_of(pilot)
            await pilot.press("right", "enter")
            await settle(pilot)
            assert "STOPPED at: Copy" in words_of(pilot), words_of(pilot)
            given.draft.set("convert.limit", None)
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(app.screen, Converted), words_of(pilot)
        assert (to / "old.img").exists() and (to / "old.cfg").exists()

    asyncio.run(run())


def test_what_was_dropped_once_is_not_dropped_again_when_it_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sending:
        """A conversion that is cut as soon as something was sent."""

        resumable = True

        def stages(self) -> tuple[str, ...]:
            return ("login", "copy")

        def perform(self, emit: Emit, stop: threading.Event) -> dict[str, str]:
            for number, stage in enumerate(self.stages(), 1):
                emit(StageStarted(stage, stage, number, 2))
                seen.append(given.draft.data["convert"].get("discard"))
                if stage == "login":
                    emit(StageFinished(stage, 0.1))
            raise Stopped("the line is cut", hint="begin again")

    seen: list[bool | None] = []
    given, _ = real(tmp_path)
    for key, value in {"flow": "convert", "convert": {"name": "old", "target": "ssh://xen1", "discard": True}}.items():
        given.draft.set(key, value)
    monkeypatch.setattr(progress, "STATE", tmp_path / "state")
    monkeypatch.setattr(progress, "conversion", lambda session: Sending())

    async def run() -> None:
        app = Wizard(given, START, [CONVERT])
        async with running(app) as pilot:
            app.flow = CONVERT
            app.show(Converting)
            await settle(pilot)
            assert "STOPPED at: Copy" in words_of(pilot), words_of(pilot)

    asyncio.run(run())
    assert seen == [True, None]
