"""What earlier runs of the medium left on this machine's disks: an installation that was interrupted, or a finished host."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from xeninstall.apply.guard import sole_run
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import journal_of
from xeninstall.apply.records import ANSWERS_ON_ESP, JOURNAL_ON_ESP
from xeninstall.apply.resume import on_esp, release_leftovers
from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine


@dataclass(frozen=True)
class Earlier:
    """A run onto a disk of this machine."""

    disk: str  # its node in this boot
    identity: str
    journal: Journal

    @property
    def told(self) -> str:
        """What was found, for people."""
        if self.journal.complete:
            return f"a finished installation on {self.disk} ({self.identity})"
        stage = f", stopped in the stage {self.journal.stage}" if self.journal.stage else ""
        return f"an interrupted installation on {self.disk} ({self.identity}){stage}"


def earlier_runs(machine: Machine, runner: Runner) -> list[Earlier]:
    """Every one, by disk: from this boot's own journals, and after a power cut from the disks' ESPs."""
    looked_at = (disk for disk in machine.disks if disk.table == "gpt" or journal_of(disk.path).exists())
    return [Earlier(disk.path, disk.identity, journal) for disk in looked_at if (journal := _journal(disk.path, runner))]


def settled(probe: Callable[[], Machine], runner: Runner) -> tuple[Machine, list[Earlier]]:
    """This machine and what earlier runs left on it; what an unfinished one put together is taken apart, so that its disks are
    free to go on with.
    """
    machine = probe()
    runs = earlier_runs(machine, runner)
    unfinished = [run for run in runs if not run.journal.complete]
    for run in unfinished:
        with sole_run(run.disk):
            release_leftovers(run.disk, run.journal.seed, runner)
    return (probe() if unfinished else machine), runs


def answers_of(run: Earlier, runner: Runner) -> str:
    """The answers of an unfinished run, without their secrets, as its disk keeps them; empty when it does not."""
    return on_esp(run.disk, ANSWERS_ON_ESP, runner)


def _journal(disk: str, runner: Runner) -> Journal | None:
    try:
        return Journal.read(journal_of(disk))
    except UsageError:
        pass
    try:
        text = on_esp(disk, JOURNAL_ON_ESP, runner)
        return Journal.model_validate_json(text) if text else None
    except ValidationError:
        return None  # a damaged or a newer program's journal: nothing that could be gone on with
