"""All repairs of a Windows system: planned, then made on its volume and its EFI system partition."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xeninstall.base.run import Runner

from ..apply import RepairError
from ..model import Traits
from .devices import devices
from .hive import merge
from .inspect import hive_path, local_time, utc_offset_seconds
from .model import Change, CopyIn, CopyOnEsp, DeleteKey, PatchVolume, Planned, Repair, SetValue, Windows, describe
from .table import REPAIRS
from .volume import WindowsVolume

_KEPT = "p2v"  # on the volume, beside the drivers for the first start: what was done


@dataclass(frozen=True)
class Report:
    """What would be, or was, done."""

    guest: Windows
    steps: tuple[tuple[Repair, Planned], ...]
    applied: bool = False

    @property
    def traits(self) -> Traits:
        """What its virtual machine has to know of it."""
        found = devices(self.guest, self.changes)
        local, offset = local_time(self.guest), utc_offset_seconds(self.guest)
        return replace(found, uefi=self.guest.uefi, windows=True, local_time=local, utc_offset_seconds=offset)

    @property
    def unbootable(self) -> tuple[str, ...]:
        """It has one kernel, and that gets its drivers."""
        return ()

    @property
    def changes(self) -> list[Change]:
        """All of them, in order."""
        return [change for _, planned in self.steps for change in planned.changes]

    @property
    def remarks(self) -> list[str]:
        """What the user should know and may have to do by hand."""
        return [remark for _, planned in self.steps for remark in planned.remarks]

    def as_text(self) -> str:
        """For people."""
        lines = [f"{self.guest.name}, build {self.guest.build} ({self.guest.architecture})", ""]
        for repair, planned in self.steps:
            if planned.changes or planned.remarks:
                lines.append(f"{repair.name}: {repair.about}")
                lines += [f"  {describe(change)}" for change in planned.changes]
                lines += [f"  note: {remark}" for remark in planned.remarks]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "guest": guest_json(self.guest),
            "applied": self.applied,
            "repairs": [
                {
                    "repair": repair.name,
                    "about": repair.about,
                    "changes": [{"change": describe(change), "problem": "", "output": ""} for change in planned.changes],
                    "remarks": list(planned.remarks),
                }
                for repair, planned in self.steps
            ],
        }


def guest_json(guest: Windows) -> dict[str, object]:
    """A system as a JSON object."""
    return {
        "name": guest.name,
        "id": "windows",
        "version": f"{guest.version[0]}.{guest.version[1]}.{guest.build}",
        "architecture": guest.architecture,
        "firmware": "uefi" if guest.uefi else "bios",
    }


def plan_repairs(guest: Windows, repairs: Sequence[Repair] = REPAIRS) -> Report:
    """What would be done; writes nothing."""
    return Report(guest, tuple((repair, repair.plan(guest)) for repair in repairs))


def make_on_volume(report: Report, volume: WindowsVolume, runner: Runner) -> Report:
    """The changes of files and registry, and the report. Raises RepairError; what belongs elsewhere: `on_esp`, `patches`."""
    changes = report.changes
    for change in changes:
        if isinstance(change, CopyIn):
            volume.write(change)
    for hive in dict.fromkeys(change.hive for change in changes if isinstance(change, SetValue | DeleteKey)):
        place = hive_path(volume, hive)
        data = volume.read(place) if place else None
        if place is None or data is None:
            raise RepairError(f"the Windows system has no {hive} hive", hint="start Windows once, and shut it down")
        wanted = [change for change in changes if isinstance(change, SetValue | DeleteKey) and change.hive == hive]
        volume.write(CopyIn(place, merge(data, wanted, runner), "the registry"))
    done = Report(report.guest, report.steps, True)
    for name, content in (("txt", done.as_text().replace("\n", "\r\n")), ("json", json.dumps(done.as_json(), indent=2) + "\n")):
        volume.write(CopyIn(f"{_KEPT}/report.{name}", content.encode("utf-8", "replace"), "what was done"))
    return done


def on_esp(report: Report) -> list[CopyOnEsp]:
    """What goes onto the EFI system partition."""
    return [change for change in report.changes if isinstance(change, CopyOnEsp)]


def patches(report: Report) -> list[PatchVolume]:
    """What is written beneath the file system, once that is unmounted."""
    return [change for change in report.changes if isinstance(change, PatchVolume)]
