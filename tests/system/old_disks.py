"""Disks that had a life before: one with every signature that installers are known to stumble over, just where it hurts, and
one that is somebody else's. No kernel driver is asked; blkid and wipefs are the referees.
"""

import hashlib
import json
import struct
from pathlib import Path

from tests.p2v.disks import MIB, filesystem, make_disk, patch, put, run
from tests.p2v.raid import superblock_0, superblock_1
from tests.p2v.volume_group import make_group, striped
from xeninstall.plan.layout import BIOS_BOOT_BYTES, ESP_BYTES, SLOT_MINIMUM_BYTES

from .tree import partitions, span

_GIB = 1024 * MIB
# Where the new partitions of a disk with one slot will lie.
_ESP = MIB + BIOS_BOOT_BYTES
_SYSTEM = _ESP + ESP_BYTES
_STORAGE = _SYSTEM + SLOT_MINIMUM_BYTES
_ZFS_LABEL_BYTES, _ZFS_UBERBLOCK = 256 * 1024, 0x00BAB10C


def much_used(place: Path, size_bytes: int = 16 * _GIB) -> Path:
    """Once a GPT disk of LVM, LUKS, md and ZFS; then a bootable CD image was written over its beginning, as onto a stick."""
    place.mkdir()
    disk = place / "used.img"
    disk.touch()
    with disk.open("r+b") as file:
        file.truncate(size_bytes)
    run("sfdisk", "--quiet", disk, stdin="label: gpt\nname=forgotten, size=3G\nname=stale\n")
    put(disk, filesystem(place, "luks"), _ESP)
    patch(disk, _SYSTEM + 4096, superblock_1(4096, 1, MIB, 512 * MIB))
    physical = place / "physical"
    physical.touch()
    with physical.open("r+b") as file:
        file.truncate(256 * MIB)
    make_group(place, {"pv0": physical}, striped("oldroot", (64, [("pv0", 0)])))
    put(disk, physical, _STORAGE)
    storage_end = size_bytes - MIB
    _zfs_labels(disk, storage_end)
    patch(disk, storage_end - 8192, superblock_1(storage_end - 8192 - _STORAGE, 1, 0, 512 * MIB))
    # The whole disk was a member, too: the old superblock lies before the last 64 KiB, which the stale GPT has.
    patch(disk, size_bytes - 65536, superblock_0(1, 512 * MIB))
    tree = place / "cd"
    (tree / "boot").mkdir(parents=True)
    (tree / "boot/readme").write_text("An installer of years ago.\n")
    run("xorriso", "-as", "mkisofs", "-quiet", "-V", "OLDCD", "-partition_offset", "16", "-o", place / "old.iso", tree)
    put(disk, place / "old.iso", 0)
    return disk


def _zfs_labels(disk: Path, end: int) -> None:
    """Uberblocks of the two labels at a device's end (ZFS on-disk format, 1.2.1 and 1.3): no program here makes a pool."""
    for label in (end - 2 * _ZFS_LABEL_BYTES, end - _ZFS_LABEL_BYTES):
        for number in range(8):
            patch(disk, label + 128 * 1024 + number * 1024, struct.pack("<QQQ", _ZFS_UBERBLOCK, 5000, 7 + number))


def of_somebody(place: Path) -> Path:
    """A file system that was not unmounted, half of a mirror, a volume group and swap: each invites to be mended or used."""
    place.mkdir()
    disk = make_disk(place, "gpt", ["ext4", "unknown", "unknown", "swap"], "other.img")
    unclean, member, physical, _ = (part.start_bytes for part in partitions(disk))
    run("debugfs", "-w", "-R", "feature needs_recovery", f"{disk}?offset={unclean}")
    patch(disk, member + 4096, superblock_1(4096, 1, MIB, 2 * MIB))
    group = place / "group"
    group.touch()
    with group.open("r+b") as file:
        file.truncate(4 * MIB)
    make_group(place, {"pv0": group}, striped("theirs", (2, [("pv0", 0)])))
    put(disk, group, physical)
    return disk


def digest(disk: Path) -> str:
    """Of every byte."""
    with disk.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def signatures(disk: Path) -> list[set[str]]:
    """What wipefs finds, on the whole disk and then on each of its partitions."""
    return _signatures(disk, [(part.start_bytes, part.size_bytes) for part in partitions(disk)])


def under_the_new_layout(disk: Path) -> list[set[str]]:
    """The same, with the partitions that an installation would make: EFI, system, storage."""
    end = disk.stat().st_size - MIB
    return _signatures(disk, [(_ESP, ESP_BYTES), (_SYSTEM, SLOT_MINIMUM_BYTES), (_STORAGE, end - _STORAGE)])


def _signatures(disk: Path, places: list[tuple[int, int]]) -> list[set[str]]:
    found = []
    for start, size in [(0, disk.stat().st_size), *places]:
        with span(disk, start, size) as node:
            said = run("wipefs", "--no-act", "--json", node)
        found.append({one["type"] for one in json.loads(said)["signatures"]} if said.strip() else set())
    return found
