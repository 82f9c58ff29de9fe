"""Drives the wizard without a terminal: sessions on recorded machines, one step alone or the whole application."""

import os
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from xeninstall.answers.model import Answers
from xeninstall.base.errors import Error, Stopped
from xeninstall.base.events import Emit, Event, Failed, Finished
from xeninstall.base.run import Completed, Process
from xeninstall.machine.model import Machine
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import OfflineSet, SystemImage
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.flow import Flow
from xeninstall.wizard.kit import Draft, Session, Step, Target

DATA = Path(__file__).parent.parent / "data"
MACHINES = sorted(path.stem for path in (DATA / "machines").glob("*.json"))
SIZE = (80, 24)
SEED = "0" * 32


class Recorder:
    """A Runner that starts nothing: it remembers, and answers what it was told to (by the first word of the command)."""

    def __init__(self, **answers: str) -> None:
        self.answers, self.commands = answers, list[tuple[str, ...]]()

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.commands.append(tuple(argv))
        return Completed(tuple(argv), 0, self.answers.get(argv[0], ""), "")

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        raise AssertionError(f"nothing is started here: {argv}")


def machine(name: str) -> Machine:
    """A recorded machine."""
    return Machine.from_json((DATA / "machines" / f"{name}.json").read_bytes())


def system_image() -> SystemImage:
    """A description like the builder's."""
    names = ("linux-guests", "storage", "pool", "monitoring")
    sets = {name: OfflineSet(title=name, packages=(name,), debs=(f"{name}.deb",), unpacked_bytes=50 * 2**20) for name in names}
    return SystemImage(
        product="0.1.0",
        sha256="0" * 64,
        size_bytes=300 * 2**20,
        unpacked_bytes=900 * 2**20,
        inodes=30000,
        debian="13.2",
        kernel="6.12.57+deb13-amd64",
        xen="xen-4.20-amd64.gz",
        boot_files={"/boot/initrd.img-6.12.57+deb13-amd64": "0" * 64},
        packages={},
        sets=sets,
    )


def session(name: str = "nvme", *, data: dict[str, Any] | None = None, **changes: Any) -> Session:
    """A session on a recorded machine; `changes` are Session's own fields."""
    wanted: dict[str, Any] = {
        "machine": machine(name),
        "runner": Recorder(),
        "image": system_image(),
        "squashfs": Path("/nowhere/system.squashfs"),
        "draft": Draft(data),
        "target": Target(),
        "seed": SEED,
    }
    return Session(**(wanted | changes))


@asynccontextmanager
async def driven(given: Session, *steps: type[Step], no_color: bool = False) -> AsyncIterator[tuple[Pilot[int], Step]]:
    """The application with these steps as its only flow, at the first of them."""
    flow = Flow("alone", lambda: "alone", lambda: "", steps)
    if no_color:
        os.environ["NO_COLOR"] = "1"  # the application takes it out again when it is made
    async with running(Wizard(given, flow, [])) as pilot:
        assert isinstance(pilot.app.screen, Step)
        yield pilot, pilot.app.screen


@asynccontextmanager
async def running(app: Wizard) -> AsyncIterator[Pilot[int]]:
    """The application at 80x24."""
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        yield pilot


async def type_text(pilot: Pilot[int], text: str) -> None:
    """Type, a key press a character."""
    names = {" ": "space", ".": "full_stop", "/": "slash", "-": "minus", ":": "colon", "@": "at", "_": "underscore"}
    await pilot.press(*(names.get(char, char) for char in text))


async def press_act(pilot: Pilot[int], act: str) -> None:
    """Press a button by its id, with the keyboard."""
    pilot.app.screen.query_one(f"#{act}").focus()
    await pilot.press("enter")


async def settle(pilot: Pilot[int]) -> None:
    """Until workers are done and their messages are shown."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


class Worker:
    """Stands where the installer would work: it tells given events, and raises given errors, one a try."""

    def __init__(self, events: Sequence[Event] = (), *errors: Error) -> None:
        self.events, self.errors = list(events), list(errors)
        self.performed: list[tuple[Plan, Answers]] = []
        self.saved = ""
        self.stopped = threading.Event()
        self.waits = False  # until it is stopped

    def perform(self, plan: Plan, answers: Answers, emit: Emit) -> None:
        self.performed.append((plan, answers))
        for event in self.events:
            emit(event)
        if self.waits:
            assert self.stopped.wait(10)
            self.waits = False
        if self.errors:
            error = self.errors.pop(0)
            emit(Failed("unpack", error.message, error.hint, error.exit_code))
            raise error
        emit(Finished(61.0, plan.facts))

    def stop(self) -> None:
        self.errors.insert(0, Stopped("stopped during the stage unpack", hint="go on later with --resume"))
        self.stopped.set()

    def log_of(self, plan: Plan) -> Path:
        return Path("/run/xeninstall/install.log")

    def gather_logs(self, plan: Plan) -> Path:
        return Path("/run/xeninstall/xeninstall-logs-1.tar.gz")

    def save_answers(self, plan: Plan, text: str) -> Path:
        self.saved = text
        return Path("/run/xeninstall/install.answers.toml")
