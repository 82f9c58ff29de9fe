"""An installation that nobody watches, up to the plan: answers, machine and what an earlier run left become what to do."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from xeninstall.answers.model import Answers
from xeninstall.apply.journal import Journal
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine
from xeninstall.packs.model import Pack
from xeninstall.plan.build import build
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import SystemImage

from .earlier import Earlier, settled
from .words import Resume


class AlreadyInstalled(Error):
    """The disk carries the very host that these answers describe: most likely the medium was left in the machine."""


@dataclass(frozen=True)
class Task:
    """What is going to be done: a plan, from where its journal stands."""

    plan: Plan
    journal: Journal
    notes: tuple[str, ...] = ()

    @property
    def resumed(self) -> bool:
        """Whether an earlier run is gone on with."""
        return bool(self.journal.finished or self.journal.stage)


# Asked only where somebody can answer: what was found, and whether it can be gone on with → what to do.
Question = Callable[[str, bool], Resume]


def prepare(
    answers: Answers,
    image: SystemImage,
    probe: Callable[[], Machine],
    runner: Runner,
    wanted: Resume | None,
    question: Question | None,
    packs: tuple[Pack, ...] = (),
) -> Task:
    """Plan, and decide about what an earlier run left. Nothing is written, and a fresh start needs disk.erase as always.

    Raises Error: Refused when the machine does not fit, AlreadyInstalled rather than erasing the host that is wanted.
    """
    machine, runs = settled(probe, runner)
    unfinished = [run for run in runs if not run.journal.complete]
    same = [(run, plan) for run in runs if (plan := _same_plan(run, answers, image, machine, packs)) is not None]
    notes = [f"found {run.told}" for run in runs]
    for run, plan in same:
        if run.journal.complete and wanted is not Resume.RESTART:
            raise AlreadyInstalled(
                f"this host is installed already: {run.told}, made with the same answers",
                hint="remove the medium and reboot; to erase it and install again, boot with xeninstall.resume=restart",
            )
        if not run.journal.complete and _go_on(run, wanted, question, possible=True):
            return Task(plan, run.journal, (*notes, f"going on after the stages {', '.join(run.journal.finished) or 'none'}"))
    plan = build(answers, image, secrets.token_hex(16), machine=machine, packs_read=packs)
    others = [run for run in unfinished if run not in [one for one, _ in same]]
    other = next((run for run in others if run.disk == plan.disks[0].path), None)
    if other is not None and _go_on(other, wanted, question, possible=False):
        raise UsageError(
            f"{other.told} was begun with other answers, or another medium",
            hint="give the same ones, or start over with xeninstall.resume=restart",
        )
    return Task(plan, Journal.start(plan), (*notes, "starting from the beginning") if notes else ())


def _go_on(run: Earlier, wanted: Resume | None, question: Question | None, *, possible: bool) -> bool:
    choice = wanted
    if choice is Resume.ASK:
        choice = question(run.told, possible) if question else None
    return possible if choice is None else choice is Resume.RESUME


def _same_plan(run: Earlier, answers: Answers, image: SystemImage, machine: Machine, packs: tuple[Pack, ...]) -> Plan | None:
    """The plan that these answers make with the run's seed, when it is the one that was begun onto that very disk."""
    try:
        plan = build(answers, image, run.journal.seed, machine=machine, packs_read=packs)
    except Error:
        return None  # building anew says why
    return plan if plan.digest() == run.journal.plan and plan.disks[0].path == run.disk else None


def about(machine: Machine) -> dict[str, str]:
    """What names this machine to a server: its serial number, its model, its first card's address."""
    found = {"serial": machine.firmware.system_serial, "product": machine.firmware.system_product}
    found["mac"] = machine.nics[0].mac if machine.nics else ""
    return {name: value for name, value in found.items() if value}
