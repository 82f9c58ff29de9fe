"""Disks: every one of them, with its identity, what is on it, and why it cannot be used."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from .blocks import Block, blocks
from .contents import contents
from .look import Look
from .lvm import Group, groups
from .model import Disk
from .mounts import medium_carriers, mounts, system_carriers
from .obstacles import Surroundings, obstacles
from .systems import systems

# Type "disk" to lsblk, yet no disk: memory, files, floppies, boot areas of flash chips, and devices built on others.
_NO_DISKS = ("zram", "ram", "loop", "fd", "sr", "dm-", "md", "mtdblock", "drbd", "bcache", "zd")
_BUSES = {"ata": "sata", "sas": "sas", "spi": "scsi"}
_BUS_OF_NAME = {"nvme": "nvme", "vd": "virtio", "xvd": "xen", "mmcblk": "mmc"}


def disks(look: Look) -> tuple[Disk, ...]:
    """Every disk of the machine, in the kernel's order, each multipath map once after the paths to it."""
    found = _candidates(blocks(look))
    all_mounts = mounts(look)
    volume_groups = groups(look) if any(block.fstype == "LVM2_member" for disk in found for block in disk.tree()) else {}
    installed = systems(look, found)
    around = Surroundings(
        look=look,
        system=system_carriers(look, all_mounts),
        medium=medium_carriers(look, all_mounts),
        groups=volume_groups,
        active=_active(found, volume_groups),
        paths_of=_same_disk(found),
    )
    links = _links(look)
    return tuple(
        Disk(
            path=disk.path,
            model=disk.model,
            serial=disk.serial,
            wwn=disk.wwn,
            size_bytes=disk.size_bytes,
            sector_bytes=disk.sector_bytes,
            bus=_bus(disk),
            links=tuple(links.get(disk.kname, ())),
            rotational=disk.rotational,
            removable=disk.removable,
            table=disk.table,
            # What lies behind a multipath map is listed there, once.
            contents=contents(_without_maps(disk), volume_groups, installed),
            obstacles=obstacles(disk, around),
        )
        for disk in found
    )


def _candidates(found: tuple[Block, ...]) -> tuple[Block, ...]:
    whole = [block for block in found if block.type == "disk" and not _is_no_disk(block)]
    maps = {
        child.kname: replace(
            child,
            model=block.model,
            serial=block.serial,
            wwn=block.wwn,
            transport=block.transport,
            subsystems=block.subsystems,
            rotational=block.rotational,
        )
        for block in reversed(whole)
        for child in block.children
        if child.type == "mpath"
    }
    return (*whole, *sorted(maps.values(), key=lambda one: one.path))


def _is_no_disk(block: Block) -> bool:
    name = block.kname
    if name.startswith("nbd") and block.size_bytes == 0:
        return True  # the driver shows sixteen of them before one is used
    if name.startswith("mmcblk") and ("boot" in name or "rpmb" in name):
        return True
    return any(name.startswith(prefix) for prefix in _NO_DISKS)


def _without_maps(disk: Block) -> Block:
    if disk.type == "mpath":
        return disk
    return replace(disk, children=tuple(child for child in disk.children if child.type != "mpath"))


def _same_disk(found: tuple[Block, ...]) -> dict[str, tuple[str, ...]]:
    """Nodes that are one disk on several paths: same WWN, serial number and size. USB bridges share made-up names."""
    known: defaultdict[tuple[str, str, int], list[str]] = defaultdict(list)
    for disk in found:
        if disk.type == "disk" and disk.transport != "usb" and disk.serial and disk.wwn.strip("0x.eui"):
            known[disk.wwn, disk.serial, disk.size_bytes].append(disk.path)
    return {path: tuple(paths) for paths in known.values() if len(paths) > 1 for path in paths}


def _active(found: tuple[Block, ...], volume_groups: Mapping[str, Group]) -> dict[str, tuple[str, ...]]:
    """Volume group → the nodes of its active volumes, on whichever disk they lie."""
    active: defaultdict[str, list[str]] = defaultdict(list)
    for disk in found:
        for block in disk.tree():
            if group := volume_groups.get(block.path):
                active[group.name] += [child.path for child in block.children if child.type == "lvm"]
    return {name: tuple(dict.fromkeys(paths)) for name, paths in active.items() if paths}


def _bus(disk: Block) -> str:
    if disk.transport:
        return _BUSES.get(disk.transport, disk.transport)
    for prefix, bus in _BUS_OF_NAME.items():
        if disk.kname.startswith(prefix):
            return bus
    chain = disk.subsystems.split(":")
    return next((bus for bus in ("virtio", "mmc", "usb", "scsi") if bus in chain), "")


def _links(look: Look) -> dict[str, list[str]]:
    """Kernel name → the names that stay the same over boots."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for place in ("/dev/disk/by-id", "/dev/disk/by-path"):
        for name in look.names(place):
            link = f"{place}/{name}"
            try:
                node = look.path(link).readlink()
            except OSError:
                continue
            if name.isprintable():
                found[node.name].append(link)
    return found
