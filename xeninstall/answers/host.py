"""The host itself: keyboard, hardware demands, name, packages, time, consoles and what dom0 keeps."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .fields import CountOrAuto, Domain, Flag, HostLabel, Like, Moment, Section, Server, SizeOrAuto

_Layout = Annotated[str, Like(r"[a-z][a-z0-9_]{1,19}", "a keyboard layout", "write an XKB layout such as us, de or gb")]
_Variant = Annotated[
    str, Like(r"[A-Za-z0-9_-]{0,40}", "a layout's variant", "write an XKB variant such as nodeadkeys, or leave it out")
]
_Zone = Annotated[
    str,
    Like(r"(?=.{1,60}$)[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}", "a time zone", "write it like Europe/Berlin or Etc/UTC"),
]


class Keyboard(Section):
    """Keyboard layout of the console and of the initramfs, in XKB's names."""

    layout: _Layout = Field("us", description="XKB layout, such as us, de, pl or gb.")
    variant: _Variant = Field("", description="XKB variant of the layout, such as nodeadkeys; empty for the plain layout.")


class Hardware(Section):
    """What the machine must have."""

    require_virtualization: Flag = Field(
        True,
        description="Refuse a machine whose CPU cannot run hardware-virtualized (HVM, PVH) guests now. "
        "With false the host is installed all the same, for paravirtual guests.",
    )
    accept_secure_boot: Flag = Field(
        False,
        description="Install although Secure Boot is enforced. The installed host cannot start Xen until Secure Boot "
        "is switched off in the firmware; with true you promise to do that.",
    )


class PackageSet(StrEnum):
    """What is installed beside the host's own base."""

    BASE = "base"
    LINUX_GUESTS = "linux-guests"
    STORAGE = "storage"
    POOL = "pool"
    MONITORING = "monitoring"


class Packages(Section):
    """Package sets; all of them are on the medium, nothing is downloaded."""

    sets: tuple[PackageSet, ...] = Field(
        (PackageSet.BASE,),
        max_length=20,
        description="base (always), linux-guests (debootstrap, guest templates), storage (NFS, iSCSI), "
        "pool (several hosts as one), monitoring.",
    )


class Host(Section):
    """The host's name."""

    name: HostLabel = Field("xenhost", description="Host name, one label (RFC 1123).")
    domain: Domain | None = Field(None, description="DNS domain, such as example.org.")


class NtpMode(StrEnum):
    """Where the time comes from."""

    DHCP = "dhcp"
    SERVERS = "servers"
    NONE = "none"


class Time(Section):
    """Time zone and clock."""

    zone: _Zone = Field("Etc/UTC", description="Time zone, such as Europe/Berlin.")
    ntp: NtpMode = Field(
        NtpMode.DHCP, description="dhcp: servers from DHCP, else Debian's pool. servers: those given. none: no NTP."
    )
    servers: tuple[Server, ...] = Field((), max_length=16, description="NTP servers, by name or address (ntp = servers).")
    clock: Moment | None = Field(
        None, description="Set the machine's clock to this when installing (ntp = none): a TOML date-time with offset."
    )


class SerialPort(StrEnum):
    """Where the serial console is."""

    AUTO = "auto"
    NONE = "none"
    TTYS0 = "ttyS0"
    TTYS1 = "ttyS1"


class Console(Section):
    """Consoles of the installed host, for GRUB, Xen and dom0 alike."""

    serial: SerialPort = Field(
        SerialPort.AUTO,
        description="Serial console: auto keeps the one that the installer runs on (an image gets ttyS0), none, ttyS0 or ttyS1.",
    )
    speed: Literal[9600, 19200, 38400, 57600, 115200] = Field(115200, description="Serial speed in baud.")
    setup: Flag = Field(
        True,
        description="Show the host-setup console (`xeninstall setup`) on the screen and the serial console, before the login; "
        "it lets anybody there read the host's state, and asks for root's password before anything else.",
    )


class Xen(Section):
    """What dom0 keeps for itself."""

    dom0_memory: SizeOrAuto = Field(
        "auto",
        description="Memory of dom0, such as 2G, at least 512M; auto: 1 GiB plus a sixteenth of the machine, 8 GiB at most.",
    )
    dom0_vcpus: CountOrAuto = Field(
        "auto", description="Virtual CPUs of dom0; auto: as many as the machine has threads, 8 at most."
    )
