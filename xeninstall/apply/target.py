"""Where a plan is carried out: partitions of a disk or of an image file, mounted, and all of it released again.

Partitions of an image are loop devices with an offset, which every kernel has; of a disk they are the kernel's nodes,
and loop devices again where the kernel does not scan partitions.
"""

import hashlib
import logging
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from xeninstall.base.errors import Error
from xeninstall.base.interruption import held
from xeninstall.base.mountinfo import mounts_below
from xeninstall.base.run import Completed, Runner
from xeninstall.plan.model import (
    ArrayOf,
    CreateArray,
    CreateThinPool,
    Device,
    MakeFilesystem,
    Partition,
    PartitionOf,
    Plan,
    PlannedDisk,
    WholeDisk,
    WritePartitions,
)

from .private_dev import block_nodes, populate

log = logging.getLogger("xeninstall.target")
_UNMOUNT_WAITS_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0)

STATE = Path("/run/xeninstall")
# In the order of mounting; what a program of the host expects around it.
_AROUND = (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "dev"))


class TargetError(Error):
    """The target cannot be prepared or released."""


def place_of(path: str) -> Path:
    """The directory that a run onto this target keeps its mounts in: the same after a crash, so that they are found."""
    return STATE / hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Ground:
    """What a target stands on: its disks, their partitions by disk and number, and where the root file system is."""

    disks: tuple[PlannedDisk, ...]
    root: Device
    root_uuid: str
    partitions: Mapping[tuple[str, int], Partition]
    assembled: tuple[CreateArray | CreateThinPool, ...] = ()  # in the order of the making
    arrays: Mapping[str, str] = field(default_factory=dict)  # nodes of arrays that somebody else assembled, by name

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """What a plan makes."""
        actions = [action for stage in plan.stages for action in stage.actions]
        tables = [action for action in actions if isinstance(action, WritePartitions)]
        return cls(
            disks=plan.disks,
            root=plan.root,
            root_uuid=next(act.uuid for act in actions if isinstance(act, MakeFilesystem) and act.device == plan.root),
            partitions={(table.disk, part.number): part for table in tables for part in table.partitions},
            assembled=tuple(action for action in actions if isinstance(action, CreateArray | CreateThinPool)),
        )

    def disk(self, key: str) -> PlannedDisk:
        """The disk with this key."""
        return next(disk for disk in self.disks if disk.key == key)


class Target:
    """Devices and mounts of one run. Use it as a context manager: leaving it releases everything."""

    def __init__(self, ground: Ground, runner: Runner) -> None:
        self._ground, self._runner = ground, runner
        self._place = place_of(ground.disks[0].path)
        self._root = self._place / "root"
        self._alias = Path(f"/dev/xeninstall-{self._place.name}")
        self._root_node = self._alias
        self._loops: dict[str, str] = {}
        self._mounts: list[Path] = []

    def __enter__(self) -> "Target":
        # The checks have shown that nobody uses the image: loop devices that are still there are a killed run's.
        for disk in self._ground.disks:
            if disk.image and Path(disk.path).exists():
                release_loops(disk.path, self._runner)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.release()
        except Error as error:
            if kind is None:
                raise
            # What went wrong first is what the user has to know.
            log.warning("not everything could be released: %s", error.message)

    # ---- devices ---------------------------------------------------------------------------------------------------

    def partition(self, where: PartitionOf) -> Partition:
        """The planned partition: offset and size in bytes."""
        return self._ground.partitions[where.disk, where.number]

    def disk(self, where: PartitionOf) -> PlannedDisk:
        """The disk that a partition lies on."""
        return self._ground.disk(where.disk)

    def device(self, where: Device) -> str:
        """A device node for a planned device."""
        match where:
            case WholeDisk(disk=key):
                disk = self._ground.disk(key)
                return self._loop(key, disk.path, 0, disk.size_bytes) if disk.image else disk.path
            case ArrayOf(name=name):
                return self._ground.arrays.get(name) or array_node(name)
            case PartitionOf(disk=key, number=number):
                disk, part = self._ground.disk(key), self.partition(where)
                node = None if disk.image else self._partition_node(disk.path, number)
                return node or self._loop(f"{key}{number}", disk.path, part.start_bytes, part.size_bytes)

    def _partition_node(self, disk: str, number: int) -> str | None:
        real = os.path.realpath(disk)
        node = f"{real}{'p' if real[-1].isdigit() else ''}{number}"
        for wait in (0, 0.1, 0.3, 0.6, 1.0, 2.0):
            time.sleep(wait)
            if Path(node).is_block_device():
                return node
            # A kernel that never made a node for any partition of this disk does not scan partitions.
            if not Path(f"/sys/class/block/{Path(real).name}/{Path(node).name}").exists() and wait >= 0.6:
                return None
        return None

    def _loop(self, key: str, path: str, offset: int, size: int) -> str:
        if key not in self._loops:
            argv = ["losetup", "--find", "--show", "--offset", str(offset), "--sizelimit", str(size), path]
            with held():
                self._loops[key] = self._runner.run(argv).stdout.strip()
        return self._loops[key]

    def drop(self, where: Device) -> None:
        """Detach the loop device of a partition that is about to be written anew."""
        if isinstance(where, PartitionOf) and (node := self._loops.pop(f"{where.disk}{where.number}", None)):
            self._runner.run(["losetup", "--detach", node])

    # ---- mounts ----------------------------------------------------------------------------------------------------

    def root(self) -> Path:
        """The host's root file system, mounted."""
        if self._root not in self._mounts:
            self._root.mkdir(parents=True, exist_ok=True)
            self._root_node = self._named(self.device(self._ground.root))
            with held():
                self._runner.run(["mount", "-t", "ext4", str(self._root_node), str(self._root)])
                self._mounts.append(self._root)
        return self._root

    def _named(self, node: str) -> Path:
        """grub-mkconfig writes no menu for a root on /dev/loop0, so a loop device is mounted under another name."""
        if not node.startswith("/dev/loop"):
            return Path(os.path.realpath(node))
        self._alias.unlink(missing_ok=True)
        os.mknod(self._alias, stat.S_IFBLK | 0o600, Path(node).stat().st_rdev)
        return self._alias

    def run_in_host(self, argv: tuple[str, ...], *, stdin: bytes | None = None, check: bool = True) -> Completed:
        """Run a program of the installed system inside its root, with /proc, /sys, /dev and an empty /run around it."""
        root = self.root()
        for kind, name in _AROUND:
            point = root / name
            if point not in self._mounts:
                with held():
                    self._runner.run(["mount", "-t", kind, "-o", "mode=0755" if kind == "tmpfs" else "nosuid", kind, str(point)])
                    self._mounts.append(point)
                if name == "run":
                    # /var/lock points here, and a package that ships it (drbd-utils) does not unpack where that leads nowhere.
                    (point / "lock").mkdir()
                if name == "dev":
                    nodes = [node for disk in self._ground.disks if not disk.image for node in block_nodes(disk.path)]
                    populate(point, nodes, self._root_node, self._ground.root_uuid)
        return self._runner.run(["chroot", str(root), *argv], stdin=stdin, check=check)

    def unmount(self) -> None:
        """Unmount the host's root and what is mounted in it."""
        while self._mounts:
            unmount(self._mounts[-1], self._runner)
            self._mounts.pop()

    def release(self) -> None:
        """Unmount everything, detach every loop device, stop what was assembled. Safe to call twice."""
        try:
            self.unmount()
        finally:
            # A device that is still mounted is detached by the kernel when it no longer is.
            while self._loops:
                self._runner.run(["losetup", "--detach", self._loops.popitem()[1]], check=False)
            self._stop_assembled()
            self._alias.unlink(missing_ok=True)
        for directory in (self._root, self._place):
            if directory.is_dir():
                directory.rmdir()

    def _stop_assembled(self) -> None:
        """In the opposite order of the making: a volume group lies on an array and holds it."""
        for action in reversed(self._ground.assembled):
            if isinstance(action, CreateThinPool):
                self._runner.run(["vgchange", "--quiet", "-an", action.group], check=False)
            if isinstance(action, CreateArray) and Path(array_node(action.name)).exists():
                self._runner.run(["mdadm", "--stop", array_node(action.name)], check=False)


def array_node(name: str) -> str:
    """The node of an array of ours while it is being installed."""
    return f"/dev/md/xeninstall-{name}"


def loops_of(path: str, runner: Runner) -> list[str]:
    """Loop devices over this file."""
    out = runner.run(["losetup", "--noheadings", "--output", "NAME", "--associated", path]).stdout
    return out.split()


def release_loops(path: str, runner: Runner) -> None:
    """Detach the loop devices of a file that nothing has mounted."""
    for node in loops_of(path, runner):
        runner.run(["losetup", "--detach", node], check=False)


def release_mounts(path: str, runner: Runner) -> None:
    """Unmount what a killed run onto this target left in its own directory."""
    for mount in reversed(mounts_below(place_of(path))):
        log.info("releasing %s, left by an earlier run", mount.place)
        unmount(Path(mount.place), runner)


def unmount(point: Path, runner: Runner) -> None:
    """Unmount, with patience for what is just closing its files, or dying on a busy machine. Raises TargetError."""
    for wait in _UNMOUNT_WAITS_SECONDS:
        time.sleep(wait)
        done = runner.run(["umount", str(point)], check=False)
        if done.status == 0 or "not mounted" in done.stderr:
            return
    raise TargetError(f"{point} cannot be unmounted: {done.stderr.strip()}", hint=f"see what uses it with: fuser -vm {point}")
