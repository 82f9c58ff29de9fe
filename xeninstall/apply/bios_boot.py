"""GRUB for BIOS without grub-install: boot.img into the MBR, core.img into the BIOS boot partition.

grub-bios-setup does the same but insists on finding the disk behind the mounted root, which is not possible for a
partition of an image file, nor for a disk that another one mirrors. The two patches are those of its source
(GRUB 2.12, util/setup.c and include/grub/i386/pc/boot.h, without Reed-Solomon codes): where boot.img finds the first
sector of core.img, and where that finds the rest.
"""

import os
import struct

from xeninstall.base.errors import Error
from xeninstall.plan.model import InstallBiosBoot, Partition, PlannedDisk

from .target import Target

SECTOR = 512
_KERNEL_SECTOR_AT = 0x5C  # GRUB_BOOT_MACHINE_KERNEL_SECTOR, u64
_DRIVE_CHECK_AT = 0x66  # GRUB_BOOT_MACHINE_DRIVE_CHECK: a jump that makes boot.img trust no BIOS drive number
_BOOT_CODE_BYTES = 440  # behind it: the disk signature and the protective MBR
_BLOCKLIST_AT = 500  # the last block list entry of core.img's first sector: start u64, length u16, segment u16
_LOAD_SEGMENT = 0x820  # GRUB_BOOT_MACHINE_KERNEL_SEG + 0x20


def patched(boot: bytes, core: bytes, lba: int) -> tuple[bytes, bytes]:
    """boot.img and core.img for a core image at this LBA. Raises Error when they are not what GRUB builds."""
    if len(boot) != SECTOR or len(core) < 2 * SECTOR:
        raise Error("GRUB's boot images in the system image are damaged", hint="build the system image again")
    new_boot = bytearray(boot)
    struct.pack_into("<Q", new_boot, _KERNEL_SECTOR_AT, lba)
    new_boot[_DRIVE_CHECK_AT : _DRIVE_CHECK_AT + 2] = b"\x90\x90"
    new_core = bytearray(core + bytes(-len(core) % SECTOR))
    struct.pack_into("<QHH", new_core, _BLOCKLIST_AT, lba + 1, len(new_core) // SECTOR - 1, _LOAD_SEGMENT)
    return bytes(new_boot), bytes(new_core)


def install(action: InstallBiosBoot, disk: PlannedDisk, partition: Partition, target: Target) -> None:
    """Build core.img with the host's own GRUB and write both images."""
    root = target.root()
    directory = root / "boot/grub/i386-pc"
    early = f"search.fs_uuid {action.root_uuid} root\nset prefix=($root)/boot/grub\n"
    (root / "boot/grub/early.cfg").write_text(early)
    # fmt: off
    target.run_in_host((
        "grub-mkimage", "-O", "i386-pc", "-o", "/boot/grub/i386-pc/core.img", "-p", "/boot/grub",
        "-c", "/boot/grub/early.cfg", *action.modules,
    ))
    # fmt: on
    write(disk, partition, (directory / "boot.img").read_bytes(), (directory / "core.img").read_bytes())


def write(disk: PlannedDisk, partition: Partition, boot_image: bytes, core_image: bytes) -> None:
    """Write the two images, then read them back and compare."""
    boot, core = patched(boot_image, core_image, partition.start_bytes // SECTOR)
    if len(core) > partition.size_bytes:
        raise Error(
            f"GRUB's core image ({len(core)} bytes) does not fit into the BIOS boot partition", hint="this is a defect: report it"
        )
    descriptor = os.open(disk.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Whole sectors only: a disk with 4096-byte sectors is written through the page cache all the same.
        first = boot[:_BOOT_CODE_BYTES] + os.pread(descriptor, SECTOR, 0)[_BOOT_CODE_BYTES:]
        os.pwrite(descriptor, first, 0)
        os.pwrite(descriptor, core, partition.start_bytes)
        os.fsync(descriptor)
        if os.pread(descriptor, SECTOR, 0) != first or os.pread(descriptor, len(core), partition.start_bytes) != core:
            raise Error(f"{disk.path} does not return what was written to it", hint="the disk is defective: use another one")
    finally:
        os.close(descriptor)
