"""Disks made ready: wiped, partitioned, mirrored, with file systems and volume groups."""

import os
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB
from xeninstall.plan.disk import md_uuid
from xeninstall.plan.model import CreateArray, CreateThinPool, MakeFilesystem, PartitionOf, PlannedDisk, WritePartitions

from .target import Target, array_node


def wipe(disk: PlannedDisk, runner: Runner) -> None:
    """Remove every signature of a disk and of its partitions; an image file becomes one hole of the right size."""
    if disk.image:
        try:
            with Path(disk.path).open("wb") as file:
                file.truncate(disk.size_bytes)
        except OSError as error:
            raise Error(
                f"{disk.path} cannot be created with {disk.size_bytes} bytes: {error.strerror}", hint="choose another file system"
            ) from None
        return
    listed = runner.run(["lsblk", "--noheadings", "--list", "--paths", "--output", "NAME,TYPE", disk.path]).stdout
    nodes = [words[0] for line in listed.splitlines() if len(words := line.split()) == 2 and words[1] == "part"]
    # Partitions first: once the table is gone, their signatures could come back with a new table at the same offsets.
    for node in [*nodes, disk.path]:
        runner.run(["wipefs", "--all", "--force", "--quiet", node])
    _zero_ends(disk)


def _zero_ends(disk: PlannedDisk) -> None:
    """wipefs knows signatures; ZFS labels and firmware RAID metadata lie at both ends in several copies, so those go whole."""
    descriptor = os.open(disk.path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for offset in (0, max(0, disk.size_bytes - 2 * MIB)):
            os.pwrite(descriptor, bytes(min(2 * MIB, disk.size_bytes - offset)), offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_partitions(action: WritePartitions, disk: PlannedDisk, runner: Runner) -> None:
    """Write the GPT with sfdisk; offsets become sectors of this disk's size."""
    sector = disk.sector_bytes
    lines = ["label: gpt", f"label-id: {action.table_uuid}", "unit: sectors", f"sector-size: {sector}"]
    lines += [
        f"start={part.start_bytes // sector}, size={part.size_bytes // sector}, "
        f'type={part.type}, uuid={part.uuid}, name="{part.name}"'
        for part in action.partitions
    ]
    # No kernel has to be told of a file's partitions, and asking it costs a quarter of a second.
    quietly = ["--no-tell-kernel"] if disk.image else []
    runner.run(
        ["sfdisk", "--quiet", *quietly, "--wipe", "always", "--wipe-partitions", "always", disk.path],
        stdin="\n".join(lines).encode() + b"\n",
    )
    if not disk.image:
        runner.run(["udevadm", "settle", "--timeout=10"], check=False)


def create_array(action: CreateArray, target: Target, runner: Runner) -> None:
    """Create a RAID1 whose superblock (version 1.2) both GRUB and the initramfs find by UUID."""
    members = [target.device(member) for member in action.members]
    for member in members:
        runner.run(["mdadm", "--zero-superblock", member], check=False)
        runner.run(["wipefs", "--all", "--force", "--quiet", member])
    # fmt: off
    runner.run([
        "mdadm", "--create", array_node(action.name), "--run", "--force", "--level=1", f"--raid-devices={len(members)}",
        "--metadata=1.2", "--bitmap=internal", f"--uuid={md_uuid(action.uuid)}", "--homehost=any",
        f"--name=xeninstall-{action.name}",
        *members,
    ])
    # fmt: on
    runner.run(["udevadm", "settle", "--timeout=10"], check=False)


def make_filesystem(action: MakeFilesystem, target: Target, runner: Runner) -> None:
    """mkfs, with the UUID that the plan chose; an ext4's directory hash seed is chosen too."""
    node = target.device(action.device)
    if action.fstype == "ext4":
        options = f"hash_seed={action.uuid},lazy_itable_init=1,lazy_journal_init=1"
        runner.run(["mkfs.ext4", "-q", "-F", "-U", action.uuid, "-L", action.label, "-E", options, node])
    else:
        part = action.device if isinstance(action.device, PartitionOf) else None
        # Hidden sectors are counted in the disk's own sectors (FAT specification, BPB_HiddSec).
        hidden = target.partition(part).start_bytes // target.disk(part).sector_bytes if part else 0
        volume_id = action.uuid.replace("-", "")
        runner.run(["mkfs.vfat", "-F", "32", "-i", volume_id, "-n", action.label, "-h", str(hidden), node])


def create_thin_pool(action: CreateThinPool, target: Target, runner: Runner) -> None:
    """One volume group over the devices, and a thin pool with room left for its metadata to grow."""
    nodes = [target.device(device) for device in action.devices]
    if runner.run(["vgs", action.group], check=False).status == 0:
        # Only a killed run of this plan can have made it: the planner chose a name that no other disk carries.
        runner.run(["vgremove", "--force", "--force", "--yes", action.group])
    for node in nodes:
        runner.run(["wipefs", "--all", "--force", "--quiet", node])
        runner.run(["pvcreate", "--yes", "-ff", node])
    runner.run(["vgcreate", "--yes", action.group, *nodes])
    runner.run(["lvcreate", "--yes", "--type", "thin-pool", "--extents", "95%FREE", "--name", action.pool, action.group])
