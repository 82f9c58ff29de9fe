"""Packs on what is attached now: sticks, discs, and the boot medium itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner

from .medium import Medium, opened
from .tree import Limits

MEDIUM = Path("/run/live/medium")
_COLUMNS = "PATH,TYPE,FSTYPE,LABEL,RM,HOTPLUG,MOUNTPOINTS"
_FILE_SYSTEMS = ("vfat", "exfat", "iso9660", "udf", "ext2", "ext3", "ext4", "ntfs", "xfs", "btrfs", "squashfs")


@dataclass(frozen=True)
class Found:
    """A pack on a medium, as `read` takes it, and what the medium is called."""

    source: str
    label: str


def find(runner: Runner, medium: Path = MEDIUM) -> list[Found]:
    """Every pack on attached media. What cannot be read is passed over: it is not what somebody brought a pack on."""
    out: list[Found] = []
    if medium.is_dir():
        own = Medium(medium, "", medium, runner, Limits())
        out += [Found(str(medium / inner) if inner != "." else str(medium), "") for inner in own.packs()]
    for node in _removable(runner):
        try:
            with opened(Path(node["path"]), str(node["fstype"]), runner, Limits()) as stick:
                out += [Found(f"{node['path']}:{inner}", str(node.get("label") or "")) for inner in stick.packs()]
        except (Error, OSError):
            continue
    return out


def _removable(runner: Runner) -> Iterator[dict[str, Any]]:
    said = runner.run(["lsblk", "--json", "--list", "--output", _COLUMNS], check=False).stdout
    try:
        nodes = json.loads(said)["blockdevices"]
    except (ValueError, KeyError):
        return
    for node in nodes:
        removable = node.get("rm") or node.get("hotplug") or node.get("type") == "rom"
        # The boot medium is mounted, and was looked at already.
        if removable and node.get("fstype") in _FILE_SYSTEMS and not any(node.get("mountpoints") or []):
            yield node
