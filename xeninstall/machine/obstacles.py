"""Why a disk cannot be written to now: each reason in words, with what to do about it."""

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xeninstall.base.sizes import format_size

from .blocks import Block
from .look import Look
from .lvm import Group
from .model import SYSTEM_DISK_MINIMUM_BYTES, Obstacle, Reason
from .mounts import Carrier


@dataclass(frozen=True)
class Surroundings:
    """What one must know about the rest of the machine to judge one disk."""

    look: Look
    system: tuple[Carrier, ...] = ()
    medium: tuple[Carrier, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)  # physical volume's node → its group
    active: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # group → its active volumes' nodes
    paths_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # node → all nodes of a disk seen on several paths


def obstacles(disk: Block, around: Surroundings) -> tuple[Obstacle, ...]:
    """Every reason against writing to a disk, the weightiest first."""
    if found := list(_carrying(disk, around)):
        return tuple(found)  # how to unmount it would be the wrong advice
    found = [*_multipath(disk, around), *_members(disk), *_users(disk, around), *_itself(disk)]
    if not found and (claimed := _claimed(disk, around.look)):
        found.append(claimed)
    return tuple(dict.fromkeys(found))


def _obstacle(reason: Reason, text: str) -> Obstacle:
    return Obstacle(reason=reason, text=text)


def _carrying(disk: Block, around: Surroundings) -> Iterator[Obstacle]:
    for carriers, reason in ((around.medium, Reason.BOOT_MEDIUM), (around.system, Reason.RUNNING_SYSTEM)):
        for carrier in carriers:
            if node := _carries(disk, carrier, around.groups):
                if reason is Reason.BOOT_MEDIUM:
                    text = f"the installer was booted from {node}; take another disk"
                else:
                    text = f"the running system is on it ({carrier.place} is on {node}); to install here, boot from the medium"
                yield _obstacle(reason, text)
                return  # one is enough, and a live system's root is its medium


def _carries(disk: Block, carrier: Carrier, groups: Mapping[str, Group]) -> str:
    blocks = list(disk.tree())
    if carrier.pool:
        return next((block.path for block in blocks if block.fstype == "zfs_member" and block.label == carrier.pool), "")
    for block in blocks:
        named = carrier.source in (block.path, f"/dev/{block.kname}")
        if named or block.number == carrier.number or carrier.place in block.mountpoints:
            return block.path
    return ""


def _multipath(disk: Block, around: Surroundings) -> Iterator[Obstacle]:
    if disk.type == "mpath":
        return
    if maps := [child.path for child in disk.children if child.type == "mpath"]:
        yield _obstacle(Reason.MULTIPATH_MEMBER, f"it is one path to {maps[0]}; take that instead")
    elif others := [path for path in around.paths_of.get(disk.path, ()) if path != disk.path]:
        yield _obstacle(
            Reason.MULTIPATH_MEMBER,
            f"{', '.join(others[:4])} is the same disk on another path (same WWN); start multipathd and take its map",
        )
    elif disk.fstype == "mpath_member":
        yield _obstacle(Reason.MULTIPATH_MEMBER, "multipath claims it, but no map is there; look at: multipath -ll")


def _members(disk: Block) -> Iterator[Obstacle]:
    for block in disk.tree():
        arrays = [child.path for child in block.children if _is_array(child)]
        if block.fstype.endswith("_raid_member") and block.fstype != "linux_raid_member":
            kind = block.fstype.removesuffix("_member")
            yield _obstacle(
                Reason.RAID_MEMBER,
                f"{block.path} belongs to a firmware RAID set ({kind}); delete the set in the firmware's RAID menu, "
                f"or remove its mark: wipefs -a -t {block.fstype} {block.path}",
            )
        elif arrays:
            yield _obstacle(
                Reason.RAID_MEMBER, f"{block.path} belongs to the running array {arrays[0]}; stop it: mdadm --stop {arrays[0]}"
            )


def _users(disk: Block, around: Surroundings) -> Iterator[Obstacle]:
    for block in disk.tree():
        for place in block.mountpoints:
            if place == "[SWAP]":
                yield _obstacle(Reason.IN_USE, f"{block.path} is used as swap; switch it off: swapoff {block.path}")
            else:
                yield _obstacle(Reason.MOUNTED, f"{block.path} is mounted on {place}; unmount it: umount {place}")
        group = around.groups.get(block.path)
        if group and (active := around.active.get(group.name)):
            volumes = ", ".join(active[:4]) + (", …" if len(active) > 4 else "")
            text = f"volume group {group.name} on {block.path} is active ({volumes}); deactivate it: vgchange -an {group.name}"
            yield _obstacle(Reason.IN_USE, text)
        pool = block.label if block.fstype == "zfs_member" else ""
        if pool and around.look.exists(f"/proc/spl/kstat/zfs/{pool}"):
            yield _obstacle(Reason.IN_USE, f"ZFS pool {pool} on {block.path} is imported; export it: zpool export {pool}")
        for child in block.children:
            if child.type == "crypt":
                text = f"{block.path} is unlocked as {child.path}; lock it: cryptsetup close {child.path}"
                yield _obstacle(Reason.IN_USE, text)
            elif child.type == "lvm" and not group:
                yield _obstacle(Reason.IN_USE, f"{child.path} on it is active; deactivate it: dmsetup remove {child.path}")
            elif child.type not in ("part", "mpath", "lvm") and not _is_array(child):
                yield _obstacle(Reason.IN_USE, f"{child.path} ({child.type}) stands on {block.path}; remove it first")


def _is_array(block: Block) -> bool:
    return block.type.startswith("raid") or block.type in ("linear", "md", "dmraid")


def _itself(disk: Block) -> Iterator[Obstacle]:
    if disk.size_bytes == 0:
        yield _obstacle(Reason.NO_MEDIUM, "it has no medium; insert one")
    elif disk.size_bytes < SYSTEM_DISK_MINIMUM_BYTES:
        needed = format_size(SYSTEM_DISK_MINIMUM_BYTES)
        text = f"it has {format_size(disk.size_bytes)}, a Xen host needs {needed}; take a larger disk"
        yield _obstacle(Reason.TOO_SMALL, text)
    if disk.read_only:
        yield _obstacle(
            Reason.READ_ONLY, f"it is read-only; look for a write-protect switch, or allow writing: blockdev --setrw {disk.path}"
        )


def _claimed(disk: Block, look: Look) -> Obstacle | None:
    """The kernel's own word: an exclusive open fails while anything uses the disk, even what no list shows (btrfs, LIO)."""
    try:
        descriptor = os.open(look.path(disk.path), os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK)
    except OSError as error:
        match error.errno:
            case errno.EBUSY:
                holders = f"ls /sys/block/{disk.kname}/holders, lsof {disk.path}"
                return _obstacle(Reason.IN_USE, f"a program or driver holds it; find out which: {holders}")
            case errno.ENOMEDIUM:
                return _obstacle(Reason.NO_MEDIUM, "it has no medium; insert one")
            case errno.EACCES | errno.EPERM:
                look.note("whether programs hold a disk not seen: opening disks is not permitted (run as root)")
            case errno.ENOENT:
                pass  # a recorded machine, or a node that udev has yet to make
            case _:
                return _unreadable(disk, error)
        return None
    try:
        os.pread(descriptor, 4096, 0)
    except OSError as error:
        return _unreadable(disk, error)
    finally:
        os.close(descriptor)
    return None


def _unreadable(disk: Block, error: OSError) -> Obstacle:
    text = f"its first blocks cannot be read ({error.strerror}); check the cables of {disk.path}, or replace it"
    return _obstacle(Reason.NOT_READABLE, text)
