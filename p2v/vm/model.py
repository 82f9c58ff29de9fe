"""A virtual machine as a value."""

import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import GIB, MIB

_NAME = re.compile(r"[\w.+ -]{1,80}")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
CARDS = ("rtl8139", "e1000", "e1000e")  # network cards that are emulated, the oldest first
_BRIDGE = re.compile(r"[\w.:-]{1,40}")


class Mode(StrEnum):
    """How Xen runs it. HVM is what a physical machine's system expects; the others need its kernel's help."""

    PV = "pv"
    PVH = "pvh"
    HVM = "hvm"


@dataclass(frozen=True)
class DiskImage:
    """A disk, where it lies on the host that runs the machine. `format` is QEMU's word, such as vpc for VHD."""

    path: str
    format: str = "raw"
    size_bytes: int = 0


@dataclass(frozen=True)
class Nic:
    """A network card: its address stays the old one, its bridge is the host's."""

    mac: str
    bridge: str = "xenbr0"


@dataclass(frozen=True)
class VirtualMachine:
    """What a host has to know. `origin` says where it came from, for whoever finds it in a list years later."""

    name: str
    sockets: int = 1
    cores: int = 2
    threads: int = 1
    memory_bytes: int = 2 * GIB
    uefi: bool = False
    disks: tuple[DiskImage, ...] = ()
    nics: tuple[Nic, ...] = ()
    local_time: bool = False  # the old clock ran on local time, as Windows has it
    utc_offset_seconds: int = 0  # that local time was ahead
    windows: bool = False
    plain_boot: bool = True  # pygrub can read its /boot
    # What it has drivers for, where they are needed. Of a system that nobody looked into that is not known.
    virtio_disks: bool = False
    virtio_cards: bool = False
    ahci: bool = True
    card: str = "e1000"  # of CARDS
    uuid: str = ""
    origin: str = ""
    remarks: tuple[str, ...] = field(default=())

    @property
    def vcpus(self) -> int:
        """Sockets times cores times threads."""
        return self.sockets * self.cores * self.threads

    @property
    def memory_mib(self) -> int:
        """In whole MiB."""
        return self.memory_bytes // MIB

    def check(self) -> None:
        """Raises UsageError for what no host takes, or what would not be what it says in a host's file."""
        if not _NAME.fullmatch(self.name) or self.name != self.name.strip():
            raise UsageError(
                f"{self.name[:80]!r} is not a name for a virtual machine",
                hint="use letters, digits, and . _ + - within 80 characters",
            )
        for nic in self.nics:
            if not _MAC.fullmatch(nic.mac):
                raise UsageError(f"{nic.mac[:40]!r} is not a MAC address", hint="write it as 52:54:00:12:34:56")
            if not _BRIDGE.fullmatch(nic.bridge):
                raise UsageError(f"{nic.bridge[:40]!r} is not the name of a bridge", hint="list those of the host with: ip link")
        if self.card not in CARDS:
            raise UsageError(f"{self.card[:40]!r} is not a network card that is emulated", hint=f"name one of {', '.join(CARDS)}")
        if not 1 <= self.vcpus <= 512 or self.memory_mib < 64:
            raise UsageError(
                f"{self.vcpus} vCPUs and {self.memory_mib} MiB are not a virtual machine",
                hint="give 1 to 512 vCPUs and 64 MiB or more",
            )

    def check_mode(self, mode: Mode | None) -> None:
        """Raises UsageError for one in which its system does not start."""
        if self.windows:
            check_mode_of_windows(mode)


def check_mode_of_windows(mode: Mode | None) -> None:
    """Raises UsageError for all but HVM; None is what suits it."""
    if mode not in (None, Mode.HVM):
        raise UsageError(f"Windows cannot run as {mode.upper()}", hint=f"choose the mode {Mode.HVM}, or leave it out")


def to_json(vm: VirtualMachine) -> str:
    """On one line."""
    return json.dumps(asdict(vm), sort_keys=True)


def from_json(text: str) -> VirtualMachine:
    """The reverse."""
    found = json.loads(text)
    disks = tuple(DiskImage(**disk) for disk in found.pop("disks"))
    nics = tuple(Nic(**nic) for nic in found.pop("nics"))
    return VirtualMachine(disks=disks, nics=nics, remarks=tuple(found.pop("remarks")), **found)


def xen_name(number: int, letters: str = "xvd") -> str:
    """The name of a disk counted from 0: `xvda`, and after `xvdz` comes `xvdaa`."""
    found = ""
    while number >= 0:
        found = chr(ord("a") + number % 26) + found
        number = number // 26 - 1
    return letters + found
