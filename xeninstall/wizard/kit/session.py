"""What every step may look at and change: the machine, the draft, and what this run is for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from xeninstall.answers.model import Answers, Dns, Network, PackSource
from xeninstall.base.events import Emit, Finished
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine
from xeninstall.packs.find import Found
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Pack
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import SystemImage
from xeninstall.wizard.draft import Draft, Problem

Part = TypeVar("Part")


@dataclass(frozen=True)
class Target:
    """Where the host goes. Without a path: onto the disk that the answers name."""

    path: str = ""  # an image file
    size_bytes: int = 0
    exists: bool = False


@dataclass(frozen=True)
class Offer:
    """One line of the menu: a flow."""

    name: str
    title: str
    about: str


@dataclass(frozen=True)
class Answered:
    """A step as the review sees it."""

    name: str
    heading: str
    summary: str
    problems: list[Problem]


class Work(Protocol):
    """What carries a plan out; the real one is `xeninstall.wizard.work`."""

    def perform(self, plan: Plan, answers: Answers, emit: Emit) -> None:
        """Do it, or go on where an earlier try with the same plan ended. Raises Error; called in a thread."""

    def stop(self) -> None:
        """End it soon, cleanly; `perform` then raises Stopped."""

    def log_of(self, plan: Plan) -> Path:
        """Where its log is."""

    def gather_logs(self, plan: Plan) -> Path:
        """Put everything that helps into one file. Raises Error."""

    def save_answers(self, plan: Plan, text: str) -> Path:
        """Keep the replayable answer file. Raises Error."""


class Loader(Protocol):
    """What finds, reads and loads packs; the real one is `xeninstall.wizard.loading`. Everything is called in a thread."""

    def find(self) -> list[Found]:
        """Packs on the media that are attached now."""

    def open(self, source: str, emit: Emit) -> Pack:
        """Read and check one, whoever signed it; the one that was opened before is forgotten. Raises Error."""

    def load(self, emit: Emit) -> Loaded:
        """Load the opened one into the running system, and keep it for the installation. Raises Error."""

    def stage(self, wanted: PackSource, emit: Emit) -> Pack:
        """Read the pack of an answer file for the installation, without loading it here. Raises Error."""


@dataclass
class Session:
    """One run of the wizard. Steps talk to each other through this and nothing else."""

    machine: Machine
    runner: Runner
    image: SystemImage
    squashfs: Path
    draft: Draft = field(default_factory=Draft)
    target: Target = Target()
    rehearsal: bool = False  # a recorded machine: nothing is written, and every screen says so
    console: bool = False  # a Linux console of ours, whose keyboard layout may be changed
    installed: bool = False  # this very machine is the host: nothing is tried out on its network
    kept_sets: tuple[str, ...] = ()  # package sets that are there already, and stay
    on_medium: bool = False  # started from the boot medium: this machine has nothing better to do
    seed: str = ""  # all UUIDs of the plan come from it
    reviewed: bool = False  # the review was reached once: from then on, only what is unsettled is asked
    saved: Path | None = None  # where the replayable answer file was written
    work: Work | None = None
    loader: Loader | None = None
    opened: Pack | None = None  # the pack that is being looked at
    packs: list[Pack] = field(default_factory=list)  # read and checked, for the installation
    unfinished: str = ""  # an installation that was interrupted, in words; `go_on` enters its answers
    go_on: Callable[[], None] = lambda: None
    done: Finished | None = None  # how it ended
    plan: Plan | None = None  # the one that was agreed to
    answered: Callable[[], list[Answered]] = list  # the flow's steps before its review
    offers: Callable[[], list[Offer]] = list
    forget: Callable[[], None] = lambda: None  # what was entered need not be kept any longer
    notes: dict[str, str] = field(default_factory=dict)  # facts for the last screen, by name
    shelf: dict[str, object] = field(default_factory=dict)  # entered, but out of force at the moment; by answer key
    use_network: Callable[[Network, Dns], None] = lambda network, dns: None  # this machine's own, from now on. Raises Error
    parts: dict[type, object] = field(default_factory=dict)

    def part(self, kind: type[Part]) -> Part:
        """What the steps of one flow keep for each other beyond the answers; made when it is first asked for."""
        made = self.parts.get(kind)
        if not isinstance(made, kind):
            made = self.parts[kind] = kind()
        return made

    @property
    def onto_image(self) -> bool:
        """Whether the target is an image file, so that this machine's disks do not matter."""
        return bool(self.target.path)
