"""What targets have in common that only store bytes, and keep no journal and run no machine."""

from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.errors import UsageError

from ..journal import Job, Journal, MemoryJournal
from ..sink.model import TargetError
from ..vm.model import Mode, VirtualMachine
from .model import Wanted


class Bytes:
    """The parts of a Delivery that are the same for all of them."""

    resumable = False

    def __init__(self, places: Sequence[str]) -> None:
        self.places = places
        self._journals: dict[int, MemoryJournal] = {}

    def journal(self, number: int, job: Job) -> Journal:
        """See Delivery: it lasts as long as this run."""
        return self._journals.setdefault(number, MemoryJournal(job))

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery: nothing here runs machines."""
        del vm, mode
        return ""

    def start(self) -> None:
        """See Delivery."""
        raise TargetError("nothing here could start a machine", hint="leave --start out")

    def close(self) -> None:
        """See Delivery."""


def only_fresh(wanted: Wanted, what: str) -> None:
    """Raises UsageError for what takes a target with a memory of its own."""
    if wanted.resume or wanted.discard:
        option = "--resume" if wanted.resume else "--discard"
        raise UsageError(f"{what} keeps nothing of a stopped conversion", hint=f"leave {option} out")


def several(places: str, wanted: Wanted) -> list[str]:
    """A name for each disk: as written for one, and counted from 0 before the name's ending for several."""
    if len(wanted.disks) == 1:
        return [places]
    path = Path(places)
    return [str(path.with_name(f"{path.stem}-disk{number}{path.suffix}")) for number in range(len(wanted.disks))]
