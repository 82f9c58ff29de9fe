"""How a system disk is divided: BIOS boot, ESP, system slot A, slot B where there is room, VM storage.

Shapes: everything starts at a multiple of a mebibyte; the last mebibyte is left to the backup GPT.
"""

from dataclasses import dataclass

from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import GIB, MIB, format_size

from .model import Partition, PartitionType, chosen_uuid

BIOS_BOOT_BYTES = 1 * MIB
ESP_BYTES = 512 * MIB
SLOT_MINIMUM_BYTES = 8 * GIB
TWO_SLOTS_FROM_BYTES = 32 * GIB
# A thin pool smaller than this has no room for a guest and its metadata.
THIN_MINIMUM_BYTES = 1 * GIB
FILES_MINIMUM_BYTES = 256 * MIB


@dataclass(frozen=True)
class Layout:
    """The partitions of one system disk, and which number plays which part (None: there is no room for it)."""

    partitions: tuple[Partition, ...]
    bios_boot: int
    esp: int
    slot_a: int
    slot_b: int | None
    storage: int | None

    @property
    def storage_bytes(self) -> int:
        """Room for VM storage on this disk."""
        return next((p.size_bytes for p in self.partitions if p.number == self.storage), 0)


def default_slot_bytes(disk_bytes: int) -> int:
    """A system slot: 8 GiB, and 16 GiB on disks of 64 GiB and more."""
    return 16 * GIB if disk_bytes >= 64 * GIB else SLOT_MINIMUM_BYTES


def divide(
    disk_bytes: int, *, slot_bytes: int | None, mirrored: bool, storage_type: PartitionType, seed: str, key: str
) -> Layout:
    """Divide a disk of this size. Raises RequirementError when the slots do not fit."""
    slot = (slot_bytes or default_slot_bytes(disk_bytes)) // MIB * MIB
    slots = 2 if disk_bytes >= TWO_SLOTS_FROM_BYTES else 1
    room = disk_bytes // MIB * MIB - MIB  # the backup table
    needed = MIB + BIOS_BOOT_BYTES + ESP_BYTES + slot * slots
    if needed > room:
        what = "a system slot" if slots == 1 else "two system slots"
        enough_gib = -(-(needed + MIB) // GIB)
        if slots == 1 and enough_gib * GIB >= TWO_SLOTS_FROM_BYTES:
            enough_gib = -(-(needed + slot + MIB) // GIB)  # a disk of that size has two slots
        raise RequirementError(
            f"disk.system_size: {what} of {format_size(slot)} do{'es' * (slots == 1)} not fit "
            f"on a disk of {format_size(disk_bytes)}",
            hint=f"leave it out, or choose a disk of at least {enough_gib} GiB",
        )
    root_type = PartitionType.RAID if mirrored else PartitionType.ROOT
    other_type = PartitionType.RAID if mirrored else PartitionType.LINUX
    wanted = [
        ("bios", PartitionType.BIOS_BOOT, BIOS_BOOT_BYTES),
        ("esp", PartitionType.ESP, ESP_BYTES),
        ("system-a", root_type, slot),
    ]
    if slots == 2:
        wanted.append(("system-b", other_type, slot))
    rest = room - needed
    if rest >= FILES_MINIMUM_BYTES:
        wanted.append(("storage", PartitionType.RAID if mirrored else storage_type, rest))
    partitions = []
    start = MIB
    for number, (name, kind, size) in enumerate(wanted, 1):
        partitions.append(
            Partition(
                number=number, name=name, type=kind, uuid=chosen_uuid(seed, f"{key}/{name}"), start_bytes=start, size_bytes=size
            )
        )
        start += size
    numbers = {partition.name: partition.number for partition in partitions}
    return Layout(
        tuple(partitions),
        bios_boot=numbers["bios"],
        esp=numbers["esp"],
        slot_a=numbers["system-a"],
        slot_b=numbers.get("system-b"),
        storage=numbers.get("storage"),
    )
