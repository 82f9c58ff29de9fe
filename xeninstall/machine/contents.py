"""What is on a disk, for the list of what would be lost: partitions, file systems, volume groups, arrays, operating systems."""

from collections.abc import Iterator, Mapping

from .blocks import Block
from .lvm import Group
from .model import Content

# libblkid's names for what is no file system; the rest are file systems.
_KINDS = {
    "LVM2_member": "lvm2_pv",
    "linux_raid_member": "md_member",
    "zfs_member": "zfs_member",
    "crypto_LUKS": "luks",
    "BitLocker": "bitlocker",
    "swap": "swap",
    "swsuspend": "swap",
}
_VIRTUAL = {"lvm": "logical_volume", "crypt": "crypt"}


def contents(disk: Block, groups: Mapping[str, Group], systems: Mapping[str, str]) -> tuple[Content, ...]:
    """Everything found on a disk, outermost first."""
    return tuple(content for block in disk.tree() for content in _of(block, block is disk, groups, systems))


def kind_of(fstype: str) -> str:
    """The kind of content behind a libblkid type."""
    if fstype.endswith("_raid_member") and fstype not in _KINDS:
        return "firmware_raid_member"
    return _KINDS.get(fstype, "filesystem")


def _of(block: Block, is_disk: bool, groups: Mapping[str, Group], systems: Mapping[str, str]) -> Iterator[Content]:
    if block.type == "part":
        yield Content(
            path=block.path,
            kind="partition",
            size_bytes=block.size_bytes,
            label=block.part_label,
            description=block.part_type_name,
        )
    elif not is_disk and block.type != "mpath":
        kind = "array" if block.type.startswith("raid") or block.type == "linear" else _VIRTUAL.get(block.type, "device")
        yield Content(path=block.path, kind=kind, size_bytes=block.size_bytes, description=block.type)
    # Without udev lsblk may know that something is mounted, and not what.
    if (block.fstype or block.mountpoints) and block.fstype != "mpath_member":
        kind = kind_of(block.fstype)
        yield Content(
            path=block.path,
            kind=kind,
            size_bytes=block.size_bytes,
            fstype=block.fstype,
            label=block.label,
            uuid=block.uuid,
            mountpoints=block.mountpoints,
            description=_description(kind, block, groups.get(block.path)),
        )
    if group := groups.get(block.path):
        volumes = f"{len(group.volumes)} logical volume{'' if len(group.volumes) == 1 else 's'}"
        listed = ", ".join(group.volumes[:6]) + (", …" if len(group.volumes) > 6 else "")
        described = f"volume group {group.name} with {volumes}" + (f": {listed}" if listed else "")
        yield Content(path=block.path, kind="volume_group", label=group.name, uuid=group.uuid, description=described)
    if name := systems.get(block.path):
        yield Content(path=block.path, kind="operating_system", description=name)


def _description(kind: str, block: Block, group: Group | None) -> str:
    match kind:
        case "md_member":
            return f"member of array {block.label or block.uuid}"
        case "zfs_member":
            return f"member of ZFS pool {block.label or block.uuid}"
        case "firmware_raid_member":
            return f"member of a firmware RAID set ({block.fstype.removesuffix('_member')})"
        case "lvm2_pv":
            return f"physical volume of {group.name}" if group else "physical volume of no known volume group"
        case "luks":
            return "encrypted (LUKS)"
        case "bitlocker":
            return "encrypted (BitLocker)"
        case "swap":
            return "hibernated system" if block.fstype == "swsuspend" else "swap"
    return ""
