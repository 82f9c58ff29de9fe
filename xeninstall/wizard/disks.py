"""Disks as rows of a list, and as answers: each by what names it for good, its serial number or WWN."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Disk, Machine, Reason

from .kit import Row, _, said

_CELLS = 59  # so that it also fits into a box


def choosable(machine: Machine) -> list[Disk]:
    """Every disk but the single paths of a multipath disk, which all answer to its serial number."""
    return [disk for disk in machine.disks if all(obstacle.reason is not Reason.MULTIPATH_MEMBER for obstacle in disk.obstacles)]


def selector(disk: Disk, machine: Machine) -> dict[str, str]:
    """How the answers name this disk: by serial, else WWN, else the path in /dev/disk/by-id; whatever is unique first."""
    others = [other for other in choosable(machine) if other != disk]
    if disk.serial and disk.serial.isprintable() and all(other.serial != disk.serial for other in others):
        return {"serial": disk.serial}
    if disk.wwn and all(other.wwn != disk.wwn for other in others):
        return {"wwn": disk.wwn}
    by_id = [link for link in disk.links if link.startswith("/dev/disk/by-id/")]
    return {"path": by_id[0] if by_id else disk.path}


def rows(disks: Iterable[Disk], taken: Mapping[str, str]) -> list[Row]:
    """One row a disk; `taken` gives the reason, by path, for those that are used elsewhere. Usable ones first."""
    made = []
    disks = list(disks)
    cells = max([14, *(len(disk.path) for disk in disks)])
    for disk in disks:
        why_not = taken.get(disk.path) or " ".join(said(obstacle.text) for obstacle in disk.obstacles)
        head = f"{disk.path:<{cells}} {format_size(disk.size_bytes):>9}  {disk.bus:<6} {disk.model}"
        named = said(disk.identity) if disk.identity != disk.path else _("no serial number")
        more = [
            named,
            *(
                [textwrap.shorten(_("holds {what}").format(what=held), _CELLS, placeholder=" ...")]
                if (held := holds(disk))
                else []
            ),
        ]
        said_why = ""
        if why_not:
            first, *rest = textwrap.wrap(f"{_('UNUSABLE')}: {why_not}", _CELLS)
            more += [first, *rest][:-1] if rest else []
            said_why = rest[-1] if rest else first
        made.append((bool(why_not), Row(disk.path, head, tuple(more), said_why)))
    return [row for _unusable, row in sorted(made, key=lambda pair: pair[0])]


def holds(disk: Disk) -> str:
    """What was found on it, in few words."""
    out: dict[str, None] = {}
    # Whoever is about to lose a system should read its name first.
    for content in sorted(disk.contents, key=lambda one: one.kind != "operating_system"):
        match content.kind:
            case "partition" | "logical_volume" | "array" | "crypt" | "device" | "lvm2_pv":
                continue
            case "filesystem":
                text = f"{content.fstype or 'file system'}" + (f' "{content.label}"' if content.label else "")
            case _:
                text = content.description or content.kind.replace("_", " ")
        out[said(text)] = None
    return ", ".join(out)


def named(answer: Mapping[str, Any] | None, machine: Machine) -> Disk | None:
    """The disk that an answer of ours names, if this machine has it."""
    for disk in choosable(machine):
        wanted = answer or {}
        if (
            (wanted.get("serial") and wanted["serial"] == disk.serial)
            or (wanted.get("wwn") and wanted["wwn"] == disk.wwn)
            or (wanted.get("path") and wanted["path"] in (disk.path, *disk.links))
        ):
            return disk
    return None
