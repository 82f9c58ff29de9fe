"""Volume groups on the machine's physical volumes, whether they are active or not; asked of LVM itself, read-only."""

import json
from dataclasses import dataclass

from .look import Look, clean

# Read-only takes no locks and asks device-mapper nothing; what is active, lsblk shows.
_REPORT = ("--readonly", "--reportformat", "json", "--units", "b", "--nosuffix", "--config", "devices/use_devicesfile=0")


@dataclass(frozen=True)
class Group:
    """A volume group, and the names of its logical volumes."""

    name: str
    uuid: str
    volumes: tuple[str, ...]


def groups(look: Look) -> dict[str, Group]:
    """Physical volume's node → its group. Only worth asking where a physical volume was seen."""
    physical = _rows(look, ["pvs", *_REPORT, "-o", "pv_name,vg_name,vg_uuid"], "pv")
    if not any(row.get("vg_name") for row in physical):
        return {}
    logical = _rows(look, ["lvs", *_REPORT, "-o", "vg_name,lv_name"], "lv")
    found = {}
    for row in physical:
        name = row.get("vg_name", "")
        if name:
            volumes = tuple(one.get("lv_name", "") for one in logical if one.get("vg_name") == name)
            found[row.get("pv_name", "")] = Group(name, row.get("vg_uuid", ""), volumes)
    return found


def _rows(look: Look, argv: list[str], kind: str) -> list[dict[str, str]]:
    done = look.ask(argv, about="volume groups")
    try:
        reports = json.loads(done.stdout if done else '{"report": []}')["report"]
        rows = [row for report in reports for row in report.get(kind, ())]
        return [{str(key): clean(value) for key, value in row.items()} for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        look.note(f"volume groups not seen: {argv[0]} did not write the report that was asked for")
        return []
