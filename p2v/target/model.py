"""The contract of every target; read this before the targets.

    target = open_target(address, …)      # parses; nothing is opened yet
    target.login()                        # a tested login: who answers, what it can
    target.storages()                     # where disks can lie there, with the room they have
    delivery = target.deliver(wanted)     # room is reserved, or what an earlier run left is taken up
    delivery.sink(0, at) …                # one sink a disk, which `copy` fills
    delivery.verify(…); delivery.define(…); delivery.start()       # and, where the target can (`Tried`), a trial start between
    delivery.abort() | delivery.close()   # remove what is half-done | leave it, to be resumed or because it is whole

Once `define` has returned the machine is whole and the target's own: `abort` is not called any more, whatever fails after it.

A target raises `Lost` when its connection broke: the caller waits, calls `Target.login` again and goes on from the journal.
Everything else is an `Error` with what to do about it. Sizes and offsets are in bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from xeninstall.base.errors import RequirementError, Stopped, UsageError
from xeninstall.base.sizes import GIB, format_size

from ..journal import Job, Journal
from ..sink.model import TargetError
from ..types import Sink
from ..vm.console import Look
from ..vm.model import Mode, VirtualMachine

__all__ = [
    "Delivery",
    "Halted",
    "Lost",
    "Measured",
    "NotRemoved",
    "Peer",
    "Storage",
    "Target",
    "TargetError",
    "Tried",
    "Wanted",
    "WantedDisk",
    "check_format",
    "storage_of",
]


class Lost(Stopped):
    """The connection to the target broke. What was sent since the last checkpoint is sent again over a new one."""


class Halted(Stopped):
    """The target answers, but cannot take more, as when it is full: trying again at once would not help."""


class NotRemoved(TargetError):
    """Of what a delivery had made, this stays at its `places`."""

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__(f"{', '.join(places)} could not be removed")
        self.places = tuple(places)


@dataclass(frozen=True)
class Peer:
    """Who answered a login. `modes` are how it runs machines, the best first; empty where it runs none (NBD, HTTP)."""

    name: str  # the host as it calls itself
    product: str  # "xeninstall 0.1.0, Xen 4.20", "XCP-ng 8.3", "libvirt 11.3.0"
    identity: str = ""  # what it was recognised by: "SHA256:…" of its key or certificate
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Storage:
    """A place for disks on the target. `free_bytes` is None where it cannot be told."""

    name: str  # what --to names it by
    kind: str  # "thin", "files", "lvm", "nfs", "dir", …
    free_bytes: int | None
    size_bytes: int | None = None
    default: bool = False  # taken when --to names none
    uuid: str = ""  # another name of it
    thick: bool = False  # a disk takes its whole size at once
    most_bytes: int | None = None  # the largest disk that it takes

    def is_called(self, name: str) -> bool:
        """Whether --to may name it so."""
        return name != "" and name in (self.name, self.uuid)


@dataclass(frozen=True)
class WantedDisk:
    """A disk to come: its size as the machine sees it, how much of it is in use, and how long its image is."""

    name: str
    size_bytes: int
    used_bytes: int
    length_bytes: int


@dataclass(frozen=True)
class Wanted:
    """A machine to come. `storage` is a name of `storages()`, or empty for the default one; `bridges` are those of its cards."""

    name: str
    disks: tuple[WantedDisk, ...]
    storage: str = ""
    bridges: tuple[str, ...] = ()
    resume: bool = False  # take up what an earlier run of this name left
    discard: bool = False  # remove that first
    trial: bool = False  # it shall be started for a trial: what that needs there is looked at first


@runtime_checkable
class Tried(Protocol):
    """A delivery whose target starts machines for a trial: a twin of what was defined, without a network."""

    def begin_trial(self, marker: str) -> None:
        """Start it; after `define`. `marker` is a text on the console that means "it is up". Raises TargetError."""

    def look(self) -> Look:
        """What is seen; returns within seconds."""

    def end_trial(self) -> None:
        """It is gone, with all that it wrote."""


@runtime_checkable
class Measured(Protocol):
    """A target that takes a short stream only to throw it away."""

    def sample(self) -> float | None:
        """How many bytes a second it took, within a second or so; after `login`. None where that end is too old for it."""


class Delivery(Protocol):
    """A machine on its way: its room on the target is taken."""

    @property
    def places(self) -> Sequence[str]:
        """Where each disk lies on the target, as its administrator knows it: for messages."""

    @property
    def checkpoint_seconds(self) -> float:
        """How often what was sent should be made certain: a sync may be cheap, or a request of its own."""

    @property
    def resumable(self) -> bool:
        """Whether another run can go on where this one stopped: the target keeps the journals."""

    def journal(self, number: int, job: Job) -> Journal:
        """The journal of disk `number`: a new one, or the one that was begun. It lies on the target where that can keep it."""

    def sink(self, number: int, at: int, length: int) -> Sink:
        """Where the image of disk `number` goes, `length` bytes in all, of which those before `at` are there already."""

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """Compare what lies on the target with the journal's digests. `tell` is given bytes done and bytes in all.

        Returns how it was compared, in words. Raises TargetError naming the first place that differs.
        """

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """Make the machine known to the target with the disks that were sent, whatever disks `vm` has; not started.

        Returns how to start it, as a command or in words; empty where the target runs no machines.
        """

    def start(self) -> None:
        """Start the machine that was defined. Raises Lost when it is not known whether it was started."""

    def abort(self) -> None:
        """Remove the disks and all else that this delivery made, and what a `define` that failed left; it connects again."""

    def close(self) -> None:
        """Let go; what is there stays."""


class Target(Protocol):
    """One address that a machine is sent to."""

    @property
    def name(self) -> str:
        """The address without anything secret, for messages."""

    @property
    def remarks(self) -> Sequence[str]:
        """What the user should know of the last login, such as a key that nobody had seen before."""

    @property
    def formats(self) -> Sequence[str]:
        """Image formats that it takes, by their names in `image.table`, the usual one first."""

    def login(self) -> Peer:
        """Connect, or connect again, and say who answers. Raises Error with what to do, or Lost when nobody answers."""

    @property
    def tries(self) -> bool:
        """Whether its deliveries are `Tried`, too."""

    def storages(self) -> Sequence[Storage]:
        """Where disks can lie; after `login`."""

    def deliver(self, wanted: Wanted) -> Delivery:
        """Reserve the room; after `login`. Raises RequirementError where it is too little, UsageError where the name is taken."""

    def close(self) -> None:
        """Log out."""


def check_format(target: Target, form: str) -> None:
    """Whether the target takes images of this format. Raises UsageError."""
    if form not in target.formats:
        raise UsageError(f"{target.name} takes no {form}", hint=f"choose one of {', '.join(target.formats)}")


def storage_called(name: str, storages: Sequence[Storage]) -> Storage | None:
    """The one of that name; without a name the one that is taken then."""
    if name:
        return next((one for one in storages if one.is_called(name)), None)
    return next((one for one in storages if one.default), storages[0] if len(storages) == 1 else None)


def storage_of(wanted: Wanted, storages: Sequence[Storage], target: str) -> Storage:
    """The one that is wanted. Raises UsageError when there is none of its name, RequirementError when it is too small."""
    listed = ", ".join(storage.name for storage in storages)
    if not storages:
        raise RequirementError(f"{target} has no storage for disks", hint="make a thin pool or a folder for them there first")
    chosen = storage_called(wanted.storage, storages)
    if chosen is None and wanted.storage:
        raise UsageError(f"{target} has no storage {wanted.storage!r}", hint=f"name one of: {listed}")
    if chosen is None:
        raise UsageError(f"{target} has several storages, and none was named", hint=f"add one of these to --to: {listed}")
    for disk in wanted.disks:
        if chosen.most_bytes is not None and disk.size_bytes > chosen.most_bytes:
            raise RequirementError(
                f"{disk.name} has {format_size(disk.size_bytes)}, and {chosen.name} on {target} ({chosen.kind}) takes disks of "
                f"{chosen.most_bytes // GIB} GiB at most",
                hint=f"name another storage of: {listed}",
            )
    # Thick storage takes a disk's whole room once more for the copy that a trial start is made on.
    copies = 2 if wanted.trial else 1
    needed = sum(disk.size_bytes * copies if chosen.thick else disk.used_bytes for disk in wanted.disks)
    if chosen.free_bytes is not None and needed > chosen.free_bytes and not wanted.resume:
        raise RequirementError(
            f"{chosen.name} on {target} has {format_size(chosen.free_bytes)} left, and {format_size(needed)} "
            + ("are taken there at once" if chosen.thick else "are to be sent"),
            hint=f"make room, or name another storage of: {listed}",
        )
    return chosen
