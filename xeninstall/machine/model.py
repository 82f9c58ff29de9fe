"""The machine as a value: what the probe found, as JSON out and in. A recorded machine replays the planner anywhere."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from xeninstall.base.errors import Error
from xeninstall.base.sizes import GIB

# ESP, boot code and one system slot; stated in the manual, shown for every disk that is smaller.
SYSTEM_DISK_MINIMUM_BYTES = 9 * GIB
# Xen itself and a dom0 that can unpack packages; below this the host would thrash.
MEMORY_MINIMUM_BYTES = 2 * GIB


class MachineError(Error):
    """A profile cannot be read, or the probe could not look."""


class Part(BaseModel):
    """Frozen, and strict about unknown fields, so that a recorded profile cannot rot silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Verdict(StrEnum):
    """May this CPU run hardware-virtualized guests, now?"""

    USABLE = "usable"
    DISABLED_IN_FIRMWARE = "disabled_in_firmware"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class Virtualization(Part):
    """The verdict, and why: each line of evidence names its source."""

    verdict: Verdict
    technology: str = ""  # "Intel VT-x" or "AMD SVM" when known
    evidence: tuple[str, ...] = ()
    hap: bool | None = None  # second-level paging (EPT, NPT); None when it cannot be seen from here
    iommu: bool | None = None  # DMAR or IVRS table present, or Xen says hvm_directio

    @property
    def setting(self) -> str:
        """What firmware menus usually call the switch."""
        return {
            "Intel VT-x": "Intel Virtualization Technology (VT-x, VMX)",
            "AMD SVM": "SVM Mode (AMD-V, Secure Virtual Machine)",
        }.get(self.technology, "hardware virtualization (Intel VT-x or AMD SVM)")


class Cpu(Part):
    """The processors as one: a machine has one kind."""

    model: str
    vendor: str  # CPUID vendor string: GenuineIntel, AuthenticAMD, …
    sockets: int
    cores: int
    threads: int
    virtualization: Virtualization


class FirmwareMode(StrEnum):
    """How this boot was started."""

    BIOS = "bios"
    UEFI = "uefi"


class Firmware(Part):
    """Firmware and DMI identity."""

    mode: FirmwareMode
    secure_boot: bool | None = None  # None under BIOS, or where the variable cannot be read
    system_vendor: str = ""
    system_product: str = ""
    system_serial: str = ""
    bios_version: str = ""


class Content(Part):
    """Something found on a disk: a partition, or what lies on it. `path` is a device node, for people only."""

    path: str
    kind: str  # partition, filesystem, lvm2_pv, md_member, zfs_member, luks, swap, volume_group, operating_system, …
    size_bytes: int = 0
    fstype: str = ""
    label: str = ""
    uuid: str = ""
    mountpoints: tuple[str, ...] = ()
    description: str = ""  # "Debian GNU/Linux 12", "volume group vg0", "member of array md0"


class Reason(StrEnum):
    """Why a disk cannot be the target."""

    TOO_SMALL = "too_small"
    READ_ONLY = "read_only"
    RUNNING_SYSTEM = "running_system"
    BOOT_MEDIUM = "boot_medium"
    MOUNTED = "mounted"
    IN_USE = "in_use"  # swap, device-mapper or md on top of it
    RAID_MEMBER = "raid_member"  # of a running array, or of a firmware RAID set
    MULTIPATH_MEMBER = "multipath_member"
    NO_MEDIUM = "no_medium"
    NOT_READABLE = "not_readable"


class Obstacle(Part):
    """One reason with the words to show: what, and what to do about it."""

    reason: Reason
    text: str


class Disk(Part):
    """A whole disk. Its identity is its serial number or WWN, never its node."""

    path: str  # /dev/sda: this boot's name
    model: str = ""
    serial: str = ""
    wwn: str = ""
    size_bytes: int
    sector_bytes: int = 512  # logical
    bus: str = ""  # sata, sas, nvme, usb, virtio, scsi, mmc, …
    links: tuple[str, ...] = ()  # other stable names: /dev/disk/by-id/…
    rotational: bool = False
    removable: bool = False
    table: str = ""  # gpt, dos, or empty
    contents: tuple[Content, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def usable(self) -> bool:
        """True when nothing stands against writing to it."""
        return not self.obstacles

    @property
    def identity(self) -> str:
        """What names this disk for good: `serial X`, `WWN Y`, or the node where it has neither."""
        if self.serial:
            return f"serial {self.serial}"
        return f"WWN {self.wwn}" if self.wwn else self.path


class Controller(Part):
    """A storage controller; one without a driver, or in RAID mode, explains missing disks."""

    pci: str  # 0000:00:17.0
    ids: str  # 8086:9a0b
    class_code: str  # 010400
    driver: str = ""
    advice: str = ""  # non-empty when it hides disks: what it is and what to set


class Nic(Part):
    """A physical (or virtual-machine) Ethernet interface."""

    name: str
    mac: str
    driver: str = ""
    pci: str = ""
    model: str = ""
    link: bool | None = None  # None when the interface is down and cannot tell
    speed_mbps: int | None = None
    addresses: tuple[str, ...] = ()  # CIDR notation
    default_route: bool = False


class Kernel(Part):
    """What the running kernel can do for an installation."""

    release: str = ""
    device_mapper: bool = True
    md: bool = True
    under_xen: bool = False
    serial_consoles: tuple[str, ...] = ()  # from the kernel command line: ("ttyS0,115200",)


class Machine(Part):
    """Everything the planner may ask about a computer."""

    cpu: Cpu
    memory_bytes: int
    firmware: Firmware
    kernel: Kernel
    disks: tuple[Disk, ...] = ()
    controllers: tuple[Controller, ...] = ()
    nics: tuple[Nic, ...] = ()
    notes: tuple[str, ...] = ()  # what the probe could not see, and why

    def to_json(self) -> str:
        """The profile, indented, ending in a newline."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a profile; raises MachineError naming the first wrong field."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise MachineError(
                f"not a machine profile: {where}: {first['msg']}", hint="record one with: xeninstall probe --json"
            ) from None
