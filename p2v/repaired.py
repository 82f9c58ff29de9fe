"""A conversion with repairs: overlays over the disks, the systems on them put together and repaired there, images of all."""

import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event as Signal
from typing import Protocol

from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner

from .beside import write_beside
from .convert import convert_disks
from .guest.linux.table import REPAIRS
from .guest.model import Card, Traits
from .guest.mounts import Found, guests
from .guest.repair import check_report, make_repairs, plan_repairs
from .guest.slots import Slot, hardware, twins
from .guest.traits import with_traits
from .guest.tree import printable
from .guest.unlock import Unlocked, unlocked
from .guest.windows.model import Package
from .guest.windows.repair import plan_repairs as plan_windows
from .guest.windows.table import REPAIRS as WINDOWS_REPAIRS
from .guest.windows_mounts import WindowsFound, find_windows, repair_windows
from .layout.joined import Joined
from .layout.read import read_layouts
from .request import Request, goals
from .source.overlay import Overlay, overlay
from .target.password import Password
from .task import begun, unfinished
from .types import DiskReader
from .vm.model import Mode, check_mode_of_windows, from_json, to_json

_COPIED_AT_ONCE = 4 << 20


class Told(Protocol):
    """What was planned for, or done to, a system of either kind."""

    @property
    def traits(self) -> Traits:
        """What its virtual machine has to know of it."""

    @property
    def unbootable(self) -> tuple[str, ...]:
        """Its kernels that will not boot there, whatever is repaired."""

    def as_text(self) -> str:
        """For people."""

    def as_json(self) -> dict[str, object]:
        """For programs."""


@dataclass(frozen=True)
class Looked:
    """Every system, and what could not be looked into."""

    reports: tuple[Told, ...]
    remarks: tuple[str, ...]
    hibernated: tuple[str, ...] = ()  # Windows systems of which something waits in hiberfil.sys

    @property
    def traits(self) -> Traits:
        """Of the first of these systems, which is the one that is started, with devices for all of them."""
        return functools.reduce(Traits.beside, [report.traits for report in self.reports])

    def as_text(self) -> str:
        """For people."""
        parts = [report.as_text() for report in self.reports]
        parts += ["".join(f"note: {remark}\n" for remark in self.remarks)] if self.remarks else []
        return "\n".join(parts) if parts else "No system was found that could be repaired.\n"

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {"systems": [report.as_json() for report in self.reports], "remarks": list(self.remarks)}


@dataclass(frozen=True)
class Wishes:
    """What repairs are given by the user: the machine's cards, driver packages for Windows, leave to drop its hibernation,
    passphrases of encrypted volumes, and how Xen is to run the machine, where somebody said so.
    """

    cards: tuple[Card, ...] = ()
    packages: tuple[Package, ...] = ()
    drop_hibernation: bool = False
    passphrases: tuple[Password, ...] = ()
    mode: Mode | None = None


@dataclass(frozen=True)
class Ready:
    """Open disks with their repairs laid over. `looked` is None where these are an earlier run's; their traits are kept."""

    readers: list[DiskReader]
    traits: Traits
    looked: Looked | None


def convert_repaired(request: Request, wishes: Wishes, runner: Runner, emit: Emit, stop: Signal) -> Traits:
    """Make images of repaired disks, and say what their virtual machine has to know.

    Raises Error; what was stopped goes on with `resume`, with the repairs that were made.
    """
    planned = goals(request)
    with ExitStack() as stack:
        files = _overlay_files(request, stack)
        resumed = request.resume and any(map(unfinished, planned))
        if resumed and not are_kept(files):
            raise UsageError(
                f"the repairs of the stopped run are not beside {planned[0].name} any more",
                hint="remove the image's files, and start again without --resume",
            )
        with repaired(request, files, wishes, runner, emit, again=not resumed, keep=lambda: any(map(begun, planned))) as ready:
            if ready.looked is not None:
                _keep(request, ready.looked)
            convert_disks(_described(request, ready.traits), ready.readers, runner, emit, stop)
    return ready.traits


def _described(request: Request, traits: Traits) -> Request:
    """With the machine as its system wants it, where the image describes one."""
    if not request.machine:
        return request
    return replace(request, machine=to_json(with_traits(from_json(request.machine), traits)))


@contextmanager
def repaired(
    request: Request,
    files: Sequence[Path],
    wishes: Wishes,
    runner: Runner,
    emit: Emit,
    *,
    again: bool,
    keep: Callable[[], bool],
) -> Iterator[Ready]:
    """The disks with repairs: new ones, or those of an earlier run, for which `are_kept` must hold.

    `files` take the changes; when it ends badly they stay if `keep` says that a copy was begun that can be resumed with them.
    """
    _need_root()
    looked = None
    with ExitStack() as stack:
        if again:
            _remove(files)
        try:
            shown = [stack.enter_context(one) for one in _overlays(request, files, runner, writable=again)]
            if again:
                looked = repair(shown, wishes, runner, emit)
                write_beside(_traits_of(files), json.dumps(asdict(looked.traits)))
            traits = Traits(**json.loads(_traits_of(files).read_bytes()))
            yield Ready([stack.enter_context(one.reader()) for one in shown], traits, looked)
        except BaseException:
            # They are of use only to a copy that was begun, and can be resumed.
            if not keep():
                _remove(files)
            raise
    _remove(files)


def plan_only(disks: Sequence[str], wishes: Wishes | None, runner: Runner, *, allow_mounted: bool = False) -> Looked:
    """What would be done; without wishes nothing, and the systems are only told.

    The overlays are thrown away, and nothing was written even there but for journals played back.
    """
    for_windows, for_linux = ((), ()) if wishes is None else (WINDOWS_REPAIRS, REPAIRS)
    with systems_on(disks, wishes or Wishes(), runner, allow_mounted=allow_mounted) as found:
        reports: list[Told] = [plan_windows(one.guest, for_windows) for one in found.windows]
        reports += [plan_repairs(one.guest, one.tree, for_linux) for one in found.linux]
        return Looked(tuple(reports), found.remarks, tuple(one.slot.title for one in found.windows if one.hibernated))


@dataclass(frozen=True)
class SystemsFound:
    """Every system as it was found, and what could not be looked into."""

    windows: tuple[WindowsFound, ...]
    linux: tuple[Found, ...]
    remarks: tuple[str, ...]
    closed: tuple[Slot, ...] = ()  # volumes that are still encrypted


@contextmanager
def systems_on(disks: Sequence[str], wishes: Wishes, runner: Runner, *, allow_mounted: bool = False) -> Iterator[SystemsFound]:
    """The systems on the disks, put together over overlays that are thrown away. Raises Error."""
    _need_root()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="p2v-plan-")))
        shown = [
            stack.enter_context(overlay(disk, folder / f"{number}.qcow2", runner, allow_mounted=allow_mounted))
            for number, disk in enumerate(disks)
        ]
        with _opened(shown, wishes, runner) as found:
            windows, remarks = _find_windows(found, wishes, runner)
            with _linux(found, len(shown), wishes, runner) as (systems, more):
                remarks += [*more, *(remark for one in systems for remark in one.remarks)]
                yield SystemsFound(tuple(windows), tuple(systems), tuple(remarks), found.closed)


def repair(shown: Sequence[Overlay], wishes: Wishes, runner: Runner, emit: Emit) -> Looked:
    """Repair every system on the disks, in their overlays. Raises RepairError."""
    reports: list[Told] = []
    with _opened(shown, wishes, runner) as found:
        windows, remarks = _find_windows(found, wishes, runner)
        if windows:
            check_mode_of_windows(wishes.mode)
        for one in windows:
            emit(Note(f"Repairing {one.guest.name} on {one.slot.title} …"))
            done = repair_windows(one, found.disks, runner, drop_hibernation=wishes.drop_hibernation)
            for remark in done.remarks:
                emit(Note(printable(remark), warning=True))
            reports.append(done)
        with _linux(found, len(shown), wishes, runner) as (systems, more):
            remarks += [*more, *(remark for system in systems for remark in system.remarks)]
            for system in systems:
                emit(Note(f"Repairing {system.guest.name} on {system.slot.title} …"))
                report = make_repairs(plan_repairs(system.guest, system.tree), system.tree, runner, emit)
                check_report(report)
                system.close()
                reports.append(report)
    _follow(shown)
    for remark in remarks:
        emit(Note(printable(remark), warning=True))
    if not reports and found.locked:
        raise RequirementError(
            f"no system was found that could be repaired: {'; '.join(found.locked)}",
            hint="give its passphrase with --unlock, or copy the disks as they are, without --repair",
        )
    if not reports:
        raise RequirementError(
            "no system was found on the disks that could be repaired",
            hint="see what is there with: p2v preflight; or copy the disks as they are, without --repair",
        )
    return Looked(tuple(reports), tuple(remarks))


@contextmanager
def _opened(shown: Sequence[Overlay], wishes: Wishes, runner: Runner) -> Iterator[Unlocked]:
    """The volumes of the disks, as they are in their overlays, and those within encrypted ones."""
    with ExitStack() as stack:
        readers = [stack.enter_context(one.reader()) for one in shown]
        yield stack.enter_context(unlocked(readers, [one.view for one in shown], wishes.passphrases, runner))


def _find_windows(found: Unlocked, wishes: Wishes, runner: Runner) -> tuple[list[WindowsFound], list[str]]:
    return find_windows(found.slots, found.disks, [disk.stat().st_size for disk in found.disks], wishes.packages, runner)


def _follow(shown: Sequence[Overlay]) -> None:
    """The other halves of mirrors follow the one that was repaired: an array must not find two that differ."""
    with ExitStack() as stack:
        readers = [stack.enter_context(one.reader()) for one in shown]
        joined = Joined(readers)
        for (disk, data), *others in twins(joined, read_layouts(joined, readers)):
            for start, length in readers[disk].changed:
                begin, end = max(start, data.start), min(start + length, data.end)
                for place in range(begin, end, _COPIED_AT_ONCE):
                    block = readers[disk].read(place, min(_COPIED_AT_ONCE, end - place))
                    for other, twin in others:
                        with shown[other].view.open("r+b") as file:
                            file.seek(twin.start + place - data.start)
                            file.write(block)


@contextmanager
def _linux(found: Unlocked, disks: int, wishes: Wishes, runner: Runner) -> Iterator[tuple[list[Found], list[str]]]:
    known = replace(hardware(found.slots, disks), cards=wishes.cards)
    locked = [f"{title}: what is in it is not repaired" for title in found.locked]
    with guests(found.slots, found.disks, known, runner) as (systems, remarks):
        yield systems, [*found.remarks, *locked, *remarks]


def _overlays(
    request: Request, files: Sequence[Path], runner: Runner, *, writable: bool
) -> list[AbstractContextManager[Overlay]]:
    return [
        overlay(disk, file, runner, writable=writable, allow_mounted=request.allow_mounted)
        for disk, file in zip(request.disks, files, strict=True)
    ]


def _overlay_files(request: Request, stack: ExitStack) -> list[Path]:
    """Beside the first image, so that a stopped conversion finds them again; for a pipe nowhere that lasts."""
    first = goals(request)[0].path
    if first is None or first.is_block_device():
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="p2v-overlay-")))
        return [folder / f"{number}.qcow2" for number in range(len(request.disks))]
    return [first.with_name(f"{first.name}.{number}.overlay") for number in range(len(request.disks))]


def _need_root() -> None:
    if os.geteuid() != 0:
        raise UsageError("repairs mount the file systems of the disks, which takes root", hint="use sudo")


def are_kept(files: Sequence[Path]) -> bool:
    """Whether an earlier run left its repairs in these files."""
    return all(file.exists() for file in (*files, _traits_of(files)))


def _traits_of(files: Sequence[Path]) -> Path:
    return files[0].with_suffix(".traits")


def _remove(files: Sequence[Path]) -> None:
    for file in (*files, _traits_of(files)):
        file.unlink(missing_ok=True)


def _keep(request: Request, looked: Looked) -> None:
    """The report, beside the first image."""
    first = goals(request)[0].path
    if first is None or first.is_block_device():
        return
    write_beside(first.with_name(f"{first.name}.repairs.txt"), looked.as_text())
    write_beside(first.with_name(f"{first.name}.repairs.json"), json.dumps(looked.as_json(), indent=2) + "\n")
