"""Installed systems on disks and in image files: every file system is looked into, without writing, for an os-release.

On a disk they are what lsblk shows, so that arrays and logical volumes, once assembled, count like partitions; in an image
file, and on kernels that do not scan partitions, they are found through the partition table.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.interruption import held
from xeninstall.base.run import Runner
from xeninstall.machine.look import clean
from xeninstall.machine.systems import pretty_name
from xeninstall.medium.volume import Volume, opened

_FILESYSTEMS = ("ext2", "ext3", "ext4", "xfs", "btrfs")
# A machine with more is a storage server, and its systems are among the first.
_MOST_LOOKED_INTO = 64
SLOTS = ("system-a", "system-b")


@dataclass(frozen=True)
class Part:
    """One entry of a partition table; offsets in bytes."""

    number: int
    start_bytes: int
    size_bytes: int
    type: str
    uuid: str
    name: str


@dataclass(frozen=True)
class Host:
    """A file system with an operating system on it."""

    place: str  # its device, or an image file with the partition's number behind it: host.img#3
    disks: tuple[str, ...]  # the disks, or the image file, that it lies on
    fstype: str
    uuid: str
    system: str  # "Debian GNU/Linux 13 (trixie)"
    name: str  # its host name
    ours: bool  # installed by xeninstall
    slot: str = ""  # system-a, system-b
    start_bytes: int = 0  # in an image file
    size_bytes: int = 0
    node: str = ""  # empty in an image file
    array: bool = False

    @property
    def shown(self) -> str:
        """One line for people."""
        slot = f", slot {self.slot[-1].upper()}" if self.slot else ""
        made = ", by xeninstall" if self.ours else ""
        return f"{self.name or '(no name)'}: {self.system} on {self.place}{slot}{made}"


@dataclass(frozen=True)
class _Candidate:
    place: str
    disks: tuple[str, ...]
    slot: str
    node: str = ""
    start_bytes: int = 0
    size_bytes: int = 0
    array: bool = False


def hosts(targets: list[str], runner: Runner) -> list[Host]:
    """Every installed system on these disks and image files; without any, on all disks of this machine. Raises Error."""
    found: list[Host] = []
    candidates = [one for target in targets for one in _on(target, runner)] if targets else _on_machine("", runner)
    seen: set[str] = set()
    for candidate in candidates[:_MOST_LOOKED_INTO]:
        if candidate.place not in seen:
            seen.add(candidate.place)
            if (host := _look(candidate, runner)) is not None:
                found.append(host)
    return found


def table(path: str, runner: Runner) -> list[Part]:
    """The partition table of a disk or an image file; empty when it has none that can be read."""
    done = runner.run(["sfdisk", "--json", path], check=False)
    try:
        read = json.loads(done.stdout)["partitiontable"]
        sector = int(read.get("sectorsize", 512))
        return [
            Part(
                number=int(re.search(r"[0-9]+$", node["node"])[0]),  # type: ignore[index]
                start_bytes=int(node["start"]) * sector,
                size_bytes=int(node["size"]) * sector,
                type=str(node["type"]).upper(),
                uuid=str(node.get("uuid", "")).lower(),
                name=str(node.get("name", "")),
            )
            for node in read["partitions"]
        ]
    except (ValueError, KeyError, TypeError):
        return []


@contextmanager
def device(host: "Host | _Candidate", runner: Runner, *, write: bool = False) -> Iterator[str]:
    """A device node with its file system; of an image file a loop device that is gone afterwards."""
    if host.node:
        yield host.node
        return
    offset = ["--offset", str(host.start_bytes), "--sizelimit", str(host.size_bytes)]
    readonly = [] if write else ["--read-only"]
    with ExitStack() as stack:
        with held():
            node = runner.run(["losetup", "--find", "--show", *readonly, *offset, host.disks[0]]).stdout.strip()
            stack.callback(partial(runner.run, ["losetup", "--detach", node], check=False))
        yield node


def _on(target: str, runner: Runner) -> list[_Candidate]:
    if Path(target).is_block_device() and (shown := _on_machine(target, runner)):
        return shown
    if not Path(target).exists():
        raise Error(f"there is no {target}", hint="name a disk or an image file")
    return [
        _Candidate(
            place=f"{target}#{part.number}",
            disks=(target,),
            slot=part.name if part.name in SLOTS else "",
            start_bytes=part.start_bytes,
            size_bytes=part.size_bytes,
        )
        for part in table(target, runner)
    ]


def _on_machine(disk: str, runner: Runner) -> list[_Candidate]:
    """What lsblk shows below a disk, or below all, that has a file system we know."""
    columns = "NAME,TYPE,FSTYPE,PARTLABEL,RM,RO,MOUNTPOINTS"
    argv = ["lsblk", "--json", "--paths", "--tree", "--output", columns, *([disk] if disk else [])]
    try:
        tree = json.loads(runner.run(argv, check=False).stdout or "{}").get("blockdevices", [])
    except ValueError:
        return []
    found: dict[str, _Candidate] = {}
    for top in tree:
        for node, slot, array in _below(top, "", array=False):
            before = found.get(node["name"])
            disks = (*before.disks, top["name"]) if before else (top["name"],)
            found[node["name"]] = _Candidate(
                node["name"], disks, slot or (before.slot if before else ""), node["name"], array=array
            )
    return list(found.values())


def _below(node: dict[str, object], slot: str, *, array: bool) -> Iterator[tuple[dict[str, str], str, bool]]:
    label = str(node.get("partlabel") or "")
    slot = label if label in SLOTS else slot
    array = array or str(node.get("type", "")).startswith("raid")
    children = node.get("children") or []
    # Loop devices and the like are the running system's own.
    if (
        str(node.get("fstype") or "") in _FILESYSTEMS
        and not children
        and node.get("type") in ("part", "disk", "lvm", "raid1", "crypt")
    ):
        yield {"name": str(node["name"])}, slot, array
    assert isinstance(children, list)
    for child in children:
        yield from _below(child, slot, array=array)


def _look(candidate: _Candidate, runner: Runner) -> Host | None:
    try:
        with ExitStack() as stack:
            node = stack.enter_context(device(candidate, runner))
            fstype = _tag("TYPE", node, runner)
            if fstype not in _FILESYSTEMS:
                return None
            uuid = _tag("UUID", node, runner)
            volume = stack.enter_context(opened(node, runner))
            system = next((name for path in _RELEASES if (name := pretty_name(_text(volume, path)))), "")
            if not system:
                return None
            return Host(
                place=candidate.place,
                disks=candidate.disks,
                fstype=fstype,
                uuid=uuid,
                system=system,
                name=clean(_text(volume, "/etc/hostname"), 64),
                ours=bool(_text(volume, "/etc/xeninstall/answers.toml")),
                slot=candidate.slot,
                start_bytes=candidate.start_bytes,
                size_bytes=candidate.size_bytes,
                node=candidate.node,
                array=candidate.array,
            )
    except Error:
        return None  # what cannot be read cannot be rescued this way


_RELEASES = ("/usr/lib/os-release", "/etc/os-release")


def _tag(name: str, node: str, runner: Runner) -> str:
    return runner.run(["blkid", "--probe", "--match-tag", name, "--output", "value", node], check=False).stdout.strip()


def _text(volume: Volume, path: str) -> str:
    try:
        return (volume.read(path) or b"").decode("utf-8", "replace")
    except Error:
        return ""
