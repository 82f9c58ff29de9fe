"""The README's pictures: one SVG a step, from a run that is the same each time. They need no network, no date and no font.

`make screens` renews them; test_pictures.py makes them anew and compares.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from textual.pilot import Pilot

from xeninstall.answers.model import Answers
from xeninstall.apply.proof.prove import Subject
from xeninstall.apply.proof.results import Result, passed
from xeninstall.base.events import Emit, Finished, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.plan.model import Plan
from xeninstall.wizard import cards, proving, working, zones
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.install import INSTALL, LOAD, START
from xeninstall.wizard.kit import Field, Step
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.steps import zone
from xeninstall.wizard.steps.review import Review

from .driving import DATA, Worker, machine, running, session, settle, type_text
from .screens import strips_of, text_of
from .setup.hosts import console, shown
from .svg import svg

PICTURES = DATA / "screens" / "svg"
MACHINE = "foreign-xenvms"  # something is there to be lost, which is what the review is for


class Album:
    """SVG by name, numbered in the order of the run."""

    def __init__(self, pilot: Pilot[int], before: int = 0) -> None:
        self._pilot, self._before, self.pictures = pilot, before, dict[str, str]()

    def take(self, name: str = "") -> None:
        """The screen as it is."""
        screen = self._pilot.app.screen
        name = name or (screen.NAME if isinstance(screen, Step) else "box")
        self.pictures[f"{self._before + len(self.pictures) + 1:02d}-{name}"] = svg(strips_of(self._pilot))


class _Held(Worker):
    """Stops in the middle of the copy until its picture was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = threading.Event()

    def perform(self, plan: Plan, answers: Answers, emit: Emit) -> None:
        stages = {"check": "Checks"} | {stage.name: stage.title for stage in plan.stages}
        for number, (name, title) in enumerate(stages.items(), 1):
            emit(StageStarted(name, title, number, len(stages)))
            if name == "unpack":
                emit(Progress(name, 585 * 2**20, 900 * 2**20))
                assert self.seen.wait(30)
            emit(StageFinished(name, 0.1 * number))
        emit(Finished(61.0, plan.facts))


def _proved(subject: Subject, runner: Runner) -> Iterator[Result]:
    """What a network in order says."""
    yield passed("link", f"{subject.interfaces[0]} has a link")
    yield passed("address", "nobody else uses 192.0.2.10")
    yield passed("gateway", "the gateway 192.0.2.1 answers")


@contextmanager
def _same_each_time() -> Iterator[None]:
    """Nothing of the machine that makes the pictures, and no clock, is in them."""
    bar = working._bar
    with ExitStack() as stack:
        sys = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for nic in machine(MACHINE).nics:
            (sys / nic.name).mkdir()
            (sys / nic.name / "carrier").write_text("1\n")
            (sys / nic.name / "speed").write_text("1000\n")
        stack.enter_context(patch.object(cards, "SYS", sys))
        table = zones.zones(DATA / "zoneinfo")
        stack.enter_context(patch.object(zone, "zones", lambda: table))
        stack.enter_context(patch.object(zone, "suggested", lambda layout: zones.suggested(layout, DATA / "zoneinfo")))
        stack.enter_context(patch.object(proving, "prove", _proved))
        stack.enter_context(patch.object(working, "_bar", lambda done, total, seconds: bar(done, total, 2.5)))
        yield


async def pictures() -> dict[str, str]:
    """An installation from the first screen to the last, by keys; SVG by name."""
    worker = _Held()
    with _same_each_time():
        async with running(Wizard(session(MACHINE, work=worker, on_medium=True), START, [INSTALL, LOAD])) as pilot:
            album = Album(pilot)
            while not isinstance(step := pilot.app.screen, Review):
                assert isinstance(step, Step)
                await _answer(pilot, step)
                album.take()
                if step.NAME == "address":
                    await pilot.press("ctrl+t")
                    await settle(pilot)
                    album.take("proof")
                    await pilot.press("escape")
                await pilot.press("1" if step.NAME == "menu" else "ctrl+n")
                await settle(pilot)
                assert pilot.app.screen is not step, "\n".join(["not settled:", *text_of(pilot)])
            await _from_review_to_end(pilot, album, worker)
        with tempfile.TemporaryDirectory() as place:
            return album.pictures | await _setup(Path(place), len(album.pictures))


async def _setup(place: Path, before: int) -> dict[str, str]:
    """The setup console of an installed host: its state, and a new address up to the countdown."""
    async with shown(console(place)) as pilot:
        album = Album(pilot, before)
        album.take("setup-status")
        for key in ("3", "ctrl+n"):
            await pilot.press(key)
            await settle(pilot)
        pilot.app.screen.query_one("#ipv4-address", Field).fill("192.0.2.20/24")
        await settle(pilot)
        await pilot.press("ctrl+n")
        await settle(pilot)
        album.take("setup-apply")
        await pilot.press("ctrl+n", "tab", "enter")
        await settle(pilot)
        album.take("setup-confirm")
        return album.pictures


async def _answer(pilot: Pilot[int], step: Step) -> None:
    """What a person would do on a step."""
    match step.NAME:
        case "keyboard":
            await type_text(pilot, "german")
            await pilot.press("down", "enter")
        case "disk":
            await pilot.press("home", "down", "enter")
        case "root":
            await type_text(pilot, "correct horse battery")
            await pilot.press("tab")
            await type_text(pilot, "correct horse battery")
        case "address":
            await pilot.press("down", "enter")
            await type_text(pilot, "192.0.2.10/24")
            await pilot.press("down")
            await type_text(pilot, "192.0.2.1")
        case "host":
            await pilot.press("ctrl+u")
            await type_text(pilot, "xen1")
            await pilot.press("tab")
            await type_text(pilot, "example.org")
        case "dns":
            await pilot.press("down", "enter")
            await type_text(pilot, "192.0.2.53")
    await settle(pilot)


async def _from_review_to_end(pilot: Pilot[int], album: Album, worker: _Held) -> None:
    album.take()
    switch("de")
    await pilot.press("escape", "ctrl+n")
    await settle(pilot)
    album.take("review-german")
    switch("en")
    await pilot.press("escape", "ctrl+n", "ctrl+n", "shift+tab", *"ERASE")
    album.take("word")
    await pilot.press("tab", "tab", "enter")
    for _ in range(100):
        await pilot.pause(0.05)
        if "%" in "".join(segment.text for strip in strips_of(pilot) for segment in strip):
            break
    album.take()
    worker.seen.set()
    await settle(pilot)
    album.take()
