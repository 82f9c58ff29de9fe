"""Which disks the host takes, and where it keeps VM disks."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .fields import Flag, Like, Section, SizeBytes, Text

_DevicePath = Annotated[
    str,
    Like(r"/dev/[!-~]{1,200}", "the path of a disk", "write it like /dev/disk/by-id/…; `xeninstall probe` lists them"),
]


class Pick(StrEnum):
    """Which disk to take when several match."""

    ONLY = "only"
    SMALLEST = "smallest"
    LARGEST = "largest"
    FIRST = "first"


class DiskMatch(Section):
    """A rule for fleets whose serial numbers are not known beforehand. All given conditions must hold."""

    model: Text | None = Field(None, description="Shell pattern for the model, such as INTEL*.")
    bus: Text | None = Field(None, description="How it is attached: nvme, sata, sas, scsi, virtio, usb, mmc.")
    min_size: SizeBytes | None = Field(None, description="Smallest size that matches, such as 100G.")
    max_size: SizeBytes | None = Field(None, description="Largest size that matches.")
    pick: Pick = Field(Pick.ONLY, description="only (refuse if several match), smallest, largest, or first by device path.")


class DiskSelector(Section):
    """Names one disk, by exactly one of its keys."""

    serial: Text | None = Field(None, description="Serial number, as `xeninstall probe` prints it.")
    wwn: Text | None = Field(None, description="World Wide Name, as `xeninstall probe` prints it.")
    path: _DevicePath | None = Field(
        None, description="Device path; prefer /dev/disk/by-id/…, since names such as /dev/sda change between boots."
    )
    match: DiskMatch | None = Field(None, description="A match rule instead of a name.")


class SystemDisk(DiskSelector):
    """The disk that becomes the host's."""

    mirror: DiskSelector | None = Field(None, description="Second disk, kept identical by mdadm RAID1; both are bootable.")
    erase: Flag = Field(False, description="Must be true: everything on the selected disk (and its mirror partner) is destroyed.")
    system_size: SizeBytes | None = Field(
        None, description="Size of a system slot; 8G by default, 16G on disks of 64 GiB and more. At least 8G."
    )


class StorageType(StrEnum):
    """What VM disks are kept in."""

    THIN = "thin"
    FILES = "files"


class ExtraDisk(DiskSelector):
    """A further disk whose whole room goes to VM storage."""

    erase: Flag = Field(False, description="Must be true: everything on this disk is destroyed.")


class Storage(Section):
    """Where VM disks are kept."""

    type: StorageType = Field(
        StorageType.THIN, description="thin: an LVM thin pool (snapshots, over-commitment). files: an ext4 file system."
    )
    extra_disks: tuple[ExtraDisk, ...] = Field((), max_length=256, description="Further disks for VM storage (with thin only).")
