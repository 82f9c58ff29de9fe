"""What every stage may look at, as one value: answers, machine, and for an installation system image and disks, too."""

from dataclasses import dataclass

from xeninstall.answers.model import Answers, SerialPort
from xeninstall.base.sizes import GIB, MIB
from xeninstall.machine.model import Machine, Nic
from xeninstall.packs.model import Pack

from .layout import Layout
from .model import ArrayOf, Device, PartitionOf, PlannedDisk, chosen_uuid
from .system_image import SystemImage


@dataclass(frozen=True)
class Host:
    """The host itself, whatever it is made from. `machine` is None for an image file: nobody knows yet where it will run."""

    answers: Answers
    machine: Machine | None
    nics: tuple[Nic, ...]  # the management NIC, or the bond's members; empty when the first boot has to choose

    @property
    def fqdn(self) -> str:
        """Host name with its domain, if it has one."""
        host = self.answers.host
        return f"{host.name}.{host.domain}" if host.domain else host.name

    @property
    def static_addresses(self) -> tuple[str, ...]:
        """The addresses that the answers give to this host, without their prefixes."""
        network = self.answers.network
        given = (network.ipv4.address, network.ipv6.address)
        return tuple(address.split("/")[0] for address in given if address is not None)

    @property
    def serial(self) -> str:
        """ttyS0, ttyS1 or empty: `auto` keeps the port that the installer runs on, and an image gets ttyS0."""
        port = self.answers.console.serial
        if port is SerialPort.NONE:
            return ""
        if port is not SerialPort.AUTO:
            return port.value
        if self.machine is None:
            return "ttyS0"
        consoles = [console.split(",")[0] for console in self.machine.kernel.serial_consoles]
        return next((console for console in consoles if console in ("ttyS0", "ttyS1")), "")

    @property
    def dom0_memory_mib(self) -> int:
        """dom0's memory: as answered, else 1 GiB and a sixteenth of the machine, 8 GiB at most."""
        wanted = self.answers.xen.dom0_memory
        if wanted != "auto":
            return int(wanted) // MIB
        if self.machine is None:
            return 2048
        return min(GIB + self.machine.memory_bytes // 16, 8 * GIB) // MIB // 64 * 64

    @property
    def dom0_vcpus(self) -> int:
        """dom0's virtual CPUs: as answered, else one a thread, 8 at most; an image gets 2."""
        wanted = self.answers.xen.dom0_vcpus
        if wanted != "auto":
            return int(wanted)
        return min(self.machine.cpu.threads, 8) if self.machine else 2


@dataclass(frozen=True)
class Wanted(Host):
    """The planner's context for an installation."""

    image: SystemImage
    disks: tuple[PlannedDisk, ...]
    layout: Layout
    seed: str
    packs: tuple[Pack, ...] = ()

    @property
    def mirrored(self) -> bool:
        """Two system disks kept equal."""
        return any(disk.key == "mirror" for disk in self.disks)

    @property
    def system_disks(self) -> tuple[PlannedDisk, ...]:
        """The disk that carries the system, and its mirror partner."""
        return tuple(disk for disk in self.disks if disk.key in ("system", "mirror"))

    @property
    def extra_disks(self) -> tuple[PlannedDisk, ...]:
        """Disks that only carry VM storage."""
        return tuple(disk for disk in self.disks if disk.key.startswith("extra"))

    @property
    def root(self) -> Device:
        """Where the root file system is."""
        return ArrayOf(name="system") if self.mirrored else PartitionOf(disk="system", number=self.layout.slot_a)

    @property
    def root_uuid(self) -> str:
        """UUID of the root file system."""
        return chosen_uuid(self.seed, "root")

    @property
    def storage_uuid(self) -> str:
        """UUID of the VM storage's file system."""
        return chosen_uuid(self.seed, "storage")

    @property
    def esp_id(self) -> str:
        """Volume id of the ESP, XXXX-XXXX; both halves of a mirror share it, so that either one can be mounted."""
        digits = chosen_uuid(self.seed, "esp")[:8].upper()
        return f"{digits[:4]}-{digits[4:]}"

    @property
    def storage_device(self) -> Device | None:
        """The system disk's part of VM storage."""
        if self.layout.storage is None:
            return None
        return ArrayOf(name="storage") if self.mirrored else PartitionOf(disk="system", number=self.layout.storage)

    @property
    def image_initrd(self) -> str:
        """The initramfs of the image's kernel, which a mirror rebuilds."""
        return f"/boot/initrd.img-{self.image.kernel}"
