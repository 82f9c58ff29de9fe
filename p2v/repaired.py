"""A conversion with repairs: overlays over the disks, the systems on them put together and repaired there, images of all."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Signal

from xeninstall.base.errors import RequirementError
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner

from .convert import convert_disks
from .guest.apply import RepairError
from .guest.model import Card, Hardware
from .guest.mounts import Found, guests
from .guest.repair import Report, check_report, make_repairs, plan_repairs
from .guest.slots import hardware, slots
from .layout.joined import Joined
from .layout.model import Kind
from .layout.read import read_layouts
from .request import Request, goals
from .source.overlay import Overlay, overlay
from .task import begun


@dataclass(frozen=True)
class Looked:
    """What was planned for, or done to, each system, and what could not be looked into."""

    reports: tuple[Report, ...]
    remarks: tuple[str, ...]


def convert_repaired(request: Request, cards: Sequence[Card], runner: Runner, emit: Emit, stop: Signal) -> None:
    """Make images of repaired disks. Raises Error; what was stopped goes on with `resume`, with the repairs that were made."""
    goals(request)
    with ExitStack() as stack:
        files = _overlay_files(request, stack)
        resumed = request.resume and all(begun(goal) for goal in goals(request)) and all(file.exists() for file in files)
        if not resumed:
            for file in files:
                file.unlink(missing_ok=True)
        try:
            shown = [stack.enter_context(one) for one in _overlays(request, files, runner, writable=not resumed)]
            if not resumed:
                _keep(request, repair(shown, cards, runner, emit))
            convert_disks(request, [stack.enter_context(one.reader()) for one in shown], runner, emit, stop)
        except (RepairError, RequirementError):
            for file in files:
                file.unlink(missing_ok=True)
            raise
    for file in files:
        file.unlink(missing_ok=True)


def plan_only(disks: Sequence[str], cards: Sequence[Card], runner: Runner, *, allow_mounted: bool = False) -> Looked:
    """What would be done. The overlays are thrown away, and nothing was written even there but for journals played back."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="p2v-plan-")))
        shown = [
            stack.enter_context(overlay(disk, folder / f"{number}.qcow2", runner, allow_mounted=allow_mounted))
            for number, disk in enumerate(disks)
        ]
        with _systems(shown, cards, runner) as (found, remarks):
            reports = tuple(plan_repairs(one.guest, one.tree) for one in found)
            return Looked(reports, tuple(remarks) + tuple(remark for one in found for remark in one.remarks))


def repair(shown: Sequence[Overlay], cards: Sequence[Card], runner: Runner, emit: Emit) -> Looked:
    """Repair every system on the disks, in their overlays. Raises RepairError."""
    with _systems(shown, cards, runner) as (found, remarks):
        told = [*remarks, *(remark for one in found for remark in one.remarks)]
        for remark in told:
            emit(Note(remark, warning=True))
        if not found:
            raise RequirementError(
                "no Linux system was found on the disks that could be repaired",
                hint="see what is there with: p2v preflight; or copy the disks as they are, without --repair",
            )
        reports = []
        for one in found:
            emit(Note(f"Repairing {one.guest.name} on {one.slot.title} …"))
            report = make_repairs(plan_repairs(one.guest, one.tree), one.tree, runner, emit)
            check_report(report)
            one.close()
            reports.append(report)
    return Looked(tuple(reports), tuple(told))


@contextmanager
def _systems(shown: Sequence[Overlay], cards: Sequence[Card], runner: Runner) -> Iterator[tuple[list[Found], list[str]]]:
    with ExitStack() as stack:
        readers = [stack.enter_context(one.reader()) for one in shown]
        joined = Joined(readers)
        found = slots(joined, read_layouts(joined, readers), readers)
        known: Hardware = replace(hardware(found, len(shown)), cards=tuple(cards))
        locked = [
            f"{slot.title} is encrypted ({slot.volume.content.title}): what is in it cannot be repaired"
            for slot in found
            if slot.kind in (Kind.LUKS, Kind.BITLOCKER)
        ]
        with guests(found, [one.view for one in shown], known, runner) as (systems, remarks):
            yield systems, [*locked, *remarks]


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


def _keep(request: Request, looked: Looked) -> None:
    """The report, beside the first image."""
    first = goals(request)[0].path
    if first is None or first.is_block_device():
        return
    first.with_name(f"{first.name}.repairs.txt").write_text(as_text(looked))
    first.with_name(f"{first.name}.repairs.json").write_text(json.dumps(as_json(looked), indent=2) + "\n")


def as_text(looked: Looked) -> str:
    """For people."""
    parts = [report.as_text() for report in looked.reports]
    parts += ["".join(f"note: {remark}\n" for remark in looked.remarks)] if looked.remarks else []
    return "\n".join(parts) if parts else "No Linux system was found.\n"


def as_json(looked: Looked) -> dict[str, object]:
    """For programs."""
    return {"systems": [report.as_json() for report in looked.reports], "remarks": list(looked.remarks)}
