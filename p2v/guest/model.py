"""What is known of a guest: its system, its volumes by every name they have, its network cards. Values only."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..vm.model import CARDS


class Family(StrEnum):
    """Systems that are repaired alike."""

    DEBIAN = "debian"
    REDHAT = "redhat"
    SUSE = "suse"
    ARCH = "arch"
    OTHER = "other"


class Init(StrEnum):
    """What starts the guest's services."""

    SYSTEMD = "systemd"
    UPSTART = "upstart"
    SYSV = "sysv"
    OPENRC = "openrc"
    UNKNOWN = "unknown"


class InitramfsTool(StrEnum):
    """What makes the guest's initramfs."""

    INITRAMFS_TOOLS = "initramfs-tools"
    DRACUT = "dracut"
    MKINITCPIO = "mkinitcpio"
    MKINITRD = "mkinitrd"
    NONE = "none"


class Loader(StrEnum):
    """Boot loaders that are known by their files."""

    GRUB2 = "GRUB 2"
    GRUB_LEGACY = "GRUB legacy"
    SYSTEMD_BOOT = "systemd-boot"
    BLS = "boot loader entries"
    EXTLINUX = "extlinux"


class FirmwareMode(StrEnum):
    """How the guest is started."""

    BIOS = "bios"
    UEFI = "uefi"


@dataclass(frozen=True)
class Kernel:
    """A kernel that a boot loader lists, or that has modules. Paths are the guest's, with /boot before them."""

    version: str
    image: str = ""
    initramfs: str = ""
    listed: bool = False
    drivers: tuple[str, ...] = ()  # those of ours that it has, as modules or built in
    builtin: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """A volume by all its names. `disk` counts from 0; `node` is what the machine calls it now, if it is a device."""

    disk: int
    kind: str
    partition: int = 0
    uuid: str = ""
    label: str = ""
    partuuid: str = ""
    group: str = ""  # volume group and logical volume, or nothing
    logical: str = ""
    within: str = ""  # the UUID of the encrypted volume that it was opened from


@dataclass(frozen=True)
class Card:
    """A network card of the machine. `name` is what the running system calls it, which the guest need not."""

    mac: str
    name: str = ""
    pci: str = ""


@dataclass(frozen=True)
class Hardware:
    """What a repair may know of the machine and its disks beyond the guest's own files."""

    volumes: tuple[Named, ...] = ()
    cards: tuple[Card, ...] = ()
    disks: int = 1
    degraded_arrays: tuple[str, ...] = ()  # titles of md arrays of which a member is missing


@dataclass(frozen=True)
class BootPlace:
    """Where /boot lies: its volume, and the folder there, as GRUB counts: `/boot`, `/@rootfs/boot`, or nothing for the top."""

    volume: Named
    folder: str = "/boot"

    @property
    def plain(self) -> bool:
        """An ext file system right on a partition: pygrub reads little else."""
        volume = self.volume
        return volume.kind == "ext" and volume.partition > 0 and not volume.logical and not volume.within


@dataclass(frozen=True)
class Traits:
    """What a system's virtual machine has to know of it: see VirtualMachine."""

    uefi: bool = False
    windows: bool = False
    local_time: bool = False
    utc_offset_seconds: int = 0  # that local time is ahead
    plain_boot: bool = True  # pygrub can read its /boot
    virtio_disks: bool = False
    virtio_cards: bool = False
    ahci: bool = True
    card: str = "e1000"

    def beside(self, other: "Traits") -> "Traits":
        """With only such devices as another system on the same machine has drivers for, too."""
        return replace(
            self,
            virtio_disks=self.virtio_disks and other.virtio_disks,
            virtio_cards=self.virtio_cards and other.virtio_cards,
            ahci=self.ahci and other.ahci,
            card=min(self.card, other.card, key=CARDS.index),
        )


@dataclass(frozen=True)
class Guest:
    """An installed Linux system."""

    name: str  # `Debian GNU/Linux 13 (trixie)`
    id: str
    version: str
    family: Family
    architecture: str
    init: Init
    kernels: tuple[Kernel, ...]
    initramfs_tool: InitramfsTool
    loaders: tuple[Loader, ...]
    firmware: FirmwareMode
    package_manager: str
    networks: tuple[str, ...]
    local_time: bool = False  # its hardware clock runs on local time
    zone: str = ""  # the name of its time zone
    hardware: Hardware = field(default_factory=Hardware)
    boot: BootPlace | None = None  # None where it was not found out

    @property
    def boot_kernels(self) -> tuple[Kernel, ...]:
        """The kernels that may be started: those that are listed, or all where no list was understood."""
        listed = tuple(kernel for kernel in self.kernels if kernel.listed)
        return listed or self.kernels
