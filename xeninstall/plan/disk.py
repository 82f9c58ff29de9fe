"""Stages that prepare the disks: wipe, partition, mirror, file systems, VM storage."""

from xeninstall.answers.model import StorageType
from xeninstall.base.errors import RequirementError

from .layout import THIN_MINIMUM_BYTES
from .model import (
    Action,
    ArrayOf,
    CreateArray,
    CreateThinPool,
    Device,
    MakeFilesystem,
    PartitionOf,
    Stage,
    WholeDisk,
    WipeDisk,
    WriteFile,
    WritePartitions,
    chosen_uuid,
)
from .units import enabled_unit
from .wanted import Wanted

VOLUME_GROUP = "xenvms"
THIN_POOL = "vms"


def partition(wanted: Wanted) -> Stage:
    """Wipe and divide; arrays are made at once, since nothing but they may touch their members."""
    actions: list[Action] = [WipeDisk(disk=disk.key) for disk in wanted.disks]
    for disk in wanted.system_disks:
        # The partner's partitions differ in nothing but their UUIDs.
        partitions = tuple(
            part.model_copy(update={"uuid": chosen_uuid(wanted.seed, f"{disk.key}/{part.name}")})
            for part in wanted.layout.partitions
        )
        actions.append(
            WritePartitions(disk=disk.key, table_uuid=chosen_uuid(wanted.seed, f"{disk.key}/gpt"), partitions=partitions)
        )
    if wanted.mirrored:
        layout = wanted.layout
        for name, number in (("system", layout.slot_a), ("slot-b", layout.slot_b), ("storage", layout.storage)):
            if number is not None:
                members = tuple(PartitionOf(disk=disk.key, number=number) for disk in wanted.system_disks)
                actions.append(CreateArray(name=name, uuid=chosen_uuid(wanted.seed, f"array/{name}"), members=members))
    return Stage(name="partition", title="Partitions", actions=tuple(actions))


def filesystems(wanted: Wanted) -> Stage:
    """The root file system and the ESPs."""
    actions: list[Action] = [MakeFilesystem(device=wanted.root, fstype="ext4", uuid=wanted.root_uuid, label="xen-system")]
    actions += [
        MakeFilesystem(
            device=PartitionOf(disk=disk.key, number=wanted.layout.esp), fstype="vfat", uuid=wanted.esp_id, label="XEN-ESP"
        )
        for disk in wanted.system_disks
    ]
    if wanted.answers.storage.type is StorageType.FILES and (device := wanted.storage_device):
        actions.append(MakeFilesystem(device=device, fstype="ext4", uuid=wanted.storage_uuid, label="xen-vms"))
    return Stage(name="filesystems", title="File systems", actions=tuple(actions))


def thin_devices(wanted: Wanted) -> tuple[Device, ...]:
    """What the volume group is made of."""
    own = wanted.storage_device if wanted.layout.storage_bytes >= THIN_MINIMUM_BYTES else None
    return (*([own] if own else []), *(WholeDisk(disk=disk.key) for disk in wanted.extra_disks))


def volume_group_name(wanted: Wanted) -> str:
    """xenvms, or with a number where a disk that stays already carries a group of that name."""
    ours = {disk.path for disk in wanted.disks}
    taken = {
        content.label
        for disk in (wanted.machine.disks if wanted.machine else ())
        if disk.path not in ours
        for content in disk.contents
        if content.kind == "volume_group"
    }
    names = (VOLUME_GROUP, *(f"{VOLUME_GROUP}{number}" for number in range(2, 100)))
    return next(name for name in names if name not in taken)


def thin_now(wanted: Wanted) -> bool:
    """May the pool be made while installing? Not in an image file, nor on a kernel without device-mapper."""
    return wanted.machine is not None and wanted.machine.kernel.device_mapper


def storage(wanted: Wanted) -> Stage:
    """VM storage that is made while installing: the thin pool, where this kernel can."""
    actions: list[Action] = []
    if wanted.answers.storage.type is StorageType.THIN and thin_now(wanted):
        actions.append(CreateThinPool(devices=thin_devices(wanted), group=volume_group_name(wanted), pool=THIN_POOL))
    return Stage(name="storage", title="VM storage", actions=tuple(actions))


def storage_at_first_boot(wanted: Wanted) -> tuple[Action, ...]:
    """The service that makes the thin pool on the host itself; a part of its configuration, since files come after unpacking."""
    if wanted.answers.storage.type is not StorageType.THIN or thin_now(wanted):
        return ()
    return _thin_at_first_boot(wanted, volume_group_name(wanted))


def _thin_at_first_boot(wanted: Wanted, group: str) -> tuple[Action, ...]:
    paths = []
    for device in thin_devices(wanted):
        match device:
            case PartitionOf(disk=key, number=number):
                name = next(part.name for part in wanted.layout.partitions if part.number == number)
                paths.append(f"/dev/disk/by-partuuid/{chosen_uuid(wanted.seed, f'{key}/{name}')}")
            case ArrayOf(name=name):
                paths.append(f"/dev/disk/by-id/md-uuid-{md_uuid(chosen_uuid(wanted.seed, f'array/{name}'))}")
            case WholeDisk(disk=key):
                paths.append(_lasting_path(wanted, next(disk.path for disk in wanted.disks if disk.key == key)))
    devices = " ".join(paths)
    script = f"""#!/bin/sh
# Made by xeninstall: creates the VM storage's thin pool once, where the installer's own kernel could not.
set -eu
udevadm settle
vgs {group} >/dev/null 2>&1 || vgcreate -y {group} {devices}
lvs {group}/{THIN_POOL} >/dev/null 2>&1 || lvcreate -y --type thin-pool -l 95%FREE -n {THIN_POOL} {group}
mkdir -p /var/lib/xeninstall && touch /var/lib/xeninstall/storage-done
"""
    unit = """[Unit]
Description=Create the VM storage of this Xen host
After=local-fs.target systemd-udevd.service
Before=xendomains.service
ConditionPathExists=!/var/lib/xeninstall/storage-done

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/xeninstall/create-storage

[Install]
WantedBy=multi-user.target
"""
    return (
        WriteFile(path="/usr/local/lib/xeninstall/create-storage", text=script, mode=0o755),
        *enabled_unit("xeninstall-storage.service", unit),
    )


def _lasting_path(wanted: Wanted, path: str) -> str:
    """A name that means the same disk at the next boot. Raises RequirementError when there is none."""
    links = next((disk.links for disk in wanted.machine.disks if disk.path == path), ()) if wanted.machine else ()
    lasting = next((link for link in links if link.startswith("/dev/disk/by-id/")), None)
    if lasting is None:
        raise RequirementError(
            f"{path} has no name in /dev/disk/by-id, and this kernel cannot make its thin pool now (no device-mapper)",
            hint="leave it out of storage.extra_disks, or install from the boot medium, whose kernel can; nothing was written",
        )
    return lasting


def md_uuid(uuid: str) -> str:
    """A UUID as mdadm writes it: four groups of eight digits."""
    digits = uuid.replace("-", "")
    return ":".join(digits[start : start + 8] for start in range(0, 32, 8))
