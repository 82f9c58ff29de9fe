"""All repairs of a guest: planned one after the other over a draft, shown, then made; what was done is kept with the guest."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_duration

from .apply import Applier, RepairError
from .changes import Change, Draft, Planned, Repair, RunInGuest, describe
from .clock import offset_seconds
from .jail import run_in_guest
from .linux.devices import devices
from .linux.kernels import unbootable
from .linux.table import REPAIRS
from .model import FirmwareMode, Guest, Traits
from .tree import RootTree, Tree, printable


@dataclass(frozen=True)
class Step:
    """One repair with what it would do."""

    repair: Repair
    planned: Planned


@dataclass(frozen=True)
class Did:
    """One change as it went. `problem` is empty when all is well."""

    change: Change
    problem: str = ""
    output: str = ""


@dataclass(frozen=True)
class Report:
    """What was done to a guest."""

    guest: Guest
    steps: tuple[Step, ...]
    did: tuple[tuple[Did, ...], ...] = field(default=())

    @property
    def traits(self) -> Traits:
        """What its virtual machine has to know of it: the third line of adjtime(5) says how its clock runs."""
        boot = self.guest.boot
        return replace(
            devices(self.guest),
            uefi=self.guest.firmware is FirmwareMode.UEFI,
            local_time=self.guest.local_time,
            utc_offset_seconds=offset_seconds(self.guest.zone) if self.guest.local_time else 0,
            plain_boot=boot is None or boot.plain,
        )

    @property
    def unbootable(self) -> tuple[str, ...]:
        """Its kernels that will not boot in a virtual machine."""
        return unbootable(self.guest)

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, a line each."""
        return tuple(f"{describe(did.change)}: {did.problem}" for row in self.did for did in row if did.problem)

    def as_text(self) -> str:
        """For people."""
        lines = [_title(self.guest), ""]
        for number, step in enumerate(self.steps):
            if not step.planned.changes and not step.planned.remarks:
                continue
            lines.append(f"{step.repair.name}: {step.repair.about}")
            rows = self.did[number] if number < len(self.did) else tuple(Did(change) for change in step.planned.changes)
            for did in rows:
                lines.append(f"  {describe(did.change)}")
                if did.problem:
                    lines.append(f"    FAILED: {did.problem}")
                    lines += [f"    | {line}" for line in did.output.splitlines()[-20:]]
            lines += [f"  note: {remark}" for remark in step.planned.remarks]
        return printable("\n".join(lines).rstrip("\n")) + "\n"

    def as_json(self) -> dict[str, object]:
        """For programs."""
        steps = []
        for number, step in enumerate(self.steps):
            rows = self.did[number] if number < len(self.did) else tuple(Did(change) for change in step.planned.changes)
            steps.append(
                {
                    "repair": step.repair.name,
                    "about": step.repair.about,
                    "changes": [{"change": describe(did.change), "problem": did.problem, "output": did.output} for did in rows],
                    "remarks": list(step.planned.remarks),
                }
            )
        return {"guest": guest_json(self.guest), "applied": bool(self.did), "repairs": steps}


def plan_repairs(guest: Guest, tree: Tree, repairs: Sequence[Repair] = REPAIRS) -> Report:
    """What would be done; writes nothing."""
    draft = Draft(tree)
    steps = []
    for repair in repairs:
        planned = repair.plan(guest, draft)
        for change in planned.changes:
            draft.lay(change)
        steps.append(Step(repair, planned))
    return Report(guest, tuple(steps))


def make_repairs(planned: Report, tree: RootTree, runner: Runner, emit: Emit) -> Report:
    """Do it. Raises RepairError when a file cannot be changed; a program of the guest that fails is in the report."""
    applier = Applier(tree)
    rows = []
    for step in planned.steps:
        row = []
        for change in step.planned.changes:
            if isinstance(change, RunInGuest):
                emit(Note(f"{printable(describe(change))} …"))
                ran = run_in_guest(tree, change, runner)
                row.append(Did(change, ran.problem, ran.output))
                emit(Note(f"took {format_duration(ran.seconds)}") if not ran.problem else Note(ran.problem, warning=True))
            else:
                applier.make(change)
                row.append(Did(change))
        rows.append(tuple(row))
        for remark in step.planned.remarks:
            emit(Note(printable(remark), warning=True))
    report = Report(planned.guest, planned.steps, tuple(rows))
    applier.finish([("report.txt", report.as_text()), ("report.json", json.dumps(report.as_json(), indent=2) + "\n")])
    return report


def check_report(report: Report) -> None:
    """Raises RepairError when something failed."""
    if report.problems:
        raise RepairError(
            printable(f"{report.guest.name} could not be made ready for a virtual machine: {'; '.join(report.problems)}"),
            hint="nothing was sent; correct it in the running system, or convert without --repair",
        )


def guest_json(guest: Guest) -> dict[str, object]:
    """A guest as a JSON object."""
    return {
        "name": guest.name,
        "id": guest.id,
        "version": guest.version,
        "family": guest.family,
        "architecture": guest.architecture,
        "init": guest.init,
        "initramfs_tool": guest.initramfs_tool,
        "loaders": list(guest.loaders),
        "firmware": guest.firmware,
        "package_manager": guest.package_manager,
        "networks": list(guest.networks),
        "kernels": [
            {
                "version": kernel.version,
                "listed": kernel.listed,
                "image": kernel.image,
                "initramfs": kernel.initramfs,
                "drivers": list(kernel.drivers),
            }
            for kernel in guest.kernels
        ],
    }


def _title(guest: Guest) -> str:
    return f"{guest.name} ({guest.architecture}, {guest.firmware}, {guest.init}, {guest.initramfs_tool})"
