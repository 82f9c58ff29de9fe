"""The answer file as types: one class a table, one field a key; each description is also the manual's and the wizard's.

Rules that look at more than one key live in `rules`; what kinds of value there are, in `fields`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from .fields import (
    Address,
    Domain,
    Flag,
    Gateway4,
    Gateway6,
    HostLabel,
    Interface4,
    Interface6,
    Nic,
    Section,
    Server,
    SizeBytes,
    SshKey,
    check_password_hash,
    wrong,
)

Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Keyboard(Section):
    """Keyboard layout of the console and of the initramfs, in XKB's names."""

    layout: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,19}$")] = Field(
        "us", description="XKB layout, such as us, de, pl or gb."
    )
    variant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,40}$")] = Field(
        "", description="XKB variant of the layout, such as nodeadkeys; empty for the plain layout."
    )


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


class Pick(StrEnum):
    """Which disk to take when several match."""

    ONLY = "only"
    SMALLEST = "smallest"
    LARGEST = "largest"
    FIRST = "first"


class DiskMatch(Section):
    """A rule for fleets whose serial numbers are not known beforehand. All given conditions must hold."""

    model: Short | None = Field(None, description="Shell pattern for the model, such as INTEL*.")
    bus: Short | None = Field(None, description="How it is attached: nvme, sata, sas, scsi, virtio, usb, mmc.")
    min_size: SizeBytes | None = Field(None, description="Smallest size that matches, such as 100G.")
    max_size: SizeBytes | None = Field(None, description="Largest size that matches.")
    pick: Pick = Field(
        Pick.ONLY, description="only (refuse if several match), smallest, largest, or first by device path."
    )


class DiskSelector(Section):
    """Names one disk, by exactly one of its keys."""

    serial: Short | None = Field(None, description="Serial number, as `xeninstall probe` prints it.")
    wwn: Short | None = Field(None, description="World Wide Name, as `xeninstall probe` prints it.")
    path: Annotated[str, StringConstraints(pattern=r"^/dev/[^\s]{1,200}$")] | None = Field(
        None, description="Device path; prefer /dev/disk/by-id/…, since names such as /dev/sda change between boots."
    )
    match: DiskMatch | None = Field(None, description="A match rule instead of a name.")


class SystemDisk(DiskSelector):
    """The disk that becomes the host's."""

    mirror: DiskSelector | None = Field(
        None, description="Second disk, kept identical by mdadm RAID1; both are bootable."
    )
    erase: Flag = Field(
        False, description="Must be true: everything on the selected disk (and its mirror partner) is destroyed."
    )
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
    extra_disks: tuple[ExtraDisk, ...] = Field((), description="Further disks for VM storage (with thin only).")


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
        description="base (always), linux-guests (debootstrap, guest templates), storage (NFS, iSCSI), "
        "pool (several hosts as one), monitoring.",
    )


class Root(Section):
    """How root logs in. Give one of the password keys, SSH keys, or both."""

    password_hash: Annotated[SecretStr, AfterValidator(lambda s: SecretStr(check_password_hash(s.get_secret_value())))] | None = Field(
        None, description="crypt(5) hash, as `openssl passwd -6` makes it; ! for no password (needs ssh_keys)."
    )
    password_file: Short | None = Field(
        None, description="File with the password on its first line, relative to the answer file; hashed when read."
    )
    password_stdin: Flag = Field(False, description="Read the password from standard input; hashed when read.")
    ssh_keys: tuple[SshKey, ...] = Field((), description="OpenSSH public keys that may log in as root.")


class BondMode(StrEnum):
    """How several NICs work as one."""

    LACP = "802.3ad"
    ACTIVE_BACKUP = "active-backup"


class Bond(Section):
    """Several NICs as one management link."""

    mode: BondMode = Field(BondMode.ACTIVE_BACKUP, description="802.3ad (LACP, the switch must agree) or active-backup.")
    members: tuple[Nic, ...] = Field(min_length=2, max_length=8, description="Two to eight NICs, by name or MAC address.")


class Ipv4Method(StrEnum):
    """Where the IPv4 address comes from."""

    DHCP = "dhcp"
    STATIC = "static"
    NONE = "none"


class Ipv6Method(StrEnum):
    """Where the IPv6 address comes from."""

    AUTO = "auto"
    STATIC = "static"
    NONE = "none"


class Ipv4(Section):
    """IPv4 on the management bridge."""

    method: Ipv4Method = Field(Ipv4Method.DHCP, description="dhcp, static or none.")
    address: Interface4 | None = Field(None, description="Address with prefix, such as 192.0.2.10/24 (static).")
    gateway: Gateway4 | None = Field(None, description="Default gateway, inside the subnet (static).")


class Ipv6(Section):
    """IPv6 on the management bridge."""

    method: Ipv6Method = Field(Ipv6Method.AUTO, description="auto (router advertisements, DHCPv6), static or none.")
    address: Interface6 | None = Field(None, description="Address with prefix, such as 2001:db8::10/64 (static).")
    gateway: Gateway6 | None = Field(None, description="Default gateway, inside the subnet or link-local (static).")


class Network(Section):
    """The management network: one NIC or a bond, perhaps a VLAN, under the bridge xenbr0."""

    nic: Nic | Literal["auto"] = Field(
        "auto", description="Management NIC by name or MAC address; auto takes the one with the default route or a link."
    )
    bond: Bond | None = Field(None, description="A bond of several NICs instead of `nic`.")
    vlan: Annotated[int, Field(ge=1, le=4094, strict=True)] | None = Field(
        None, description="VLAN id of the management network, 1 to 4094; untagged when left out."
    )
    mtu: Annotated[int, Field(ge=1280, le=9216, strict=True)] | None = Field(
        None, description="MTU of NIC, bond, VLAN and bridge, 1280 to 9216; 1500 when left out."
    )
    ipv4: Ipv4 = Field(Ipv4(), description="IPv4 settings.")
    ipv6: Ipv6 = Field(Ipv6(), description="IPv6 settings.")


class Host(Section):
    """The host's name."""

    name: HostLabel = Field("xenhost", description="Host name, one label (RFC 1123).")
    domain: Domain | None = Field(None, description="DNS domain, such as example.org.")


class DnsMode(StrEnum):
    """Who answers this host's DNS questions."""

    DHCP = "dhcp"
    SERVERS = "servers"
    SERVE = "serve"


class Dns(Section):
    """Name resolution."""

    mode: DnsMode = Field(
        DnsMode.DHCP,
        description="dhcp: servers from DHCP or router advertisements. servers: those given. "
        "serve: this host runs a DNS server (dnsmasq) on its management address and asks the forwarders.",
    )
    servers: tuple[Address, ...] = Field((), description="DNS servers' addresses (mode servers).")
    forwarders: tuple[Address, ...] = Field(
        (), description="Where the served DNS sends what it does not know (mode serve)."
    )
    search: tuple[Domain, ...] = Field((), max_length=6, description="Search domains.")


class NtpMode(StrEnum):
    """Where the time comes from."""

    DHCP = "dhcp"
    SERVERS = "servers"
    NONE = "none"


def _zone(value: str) -> str:
    parts = value.split("/")
    if len(value) > 60 or not all(p and p.replace("_", "").replace("-", "").replace("+", "").isalnum() for p in parts):
        raise wrong(f"{value[:60]!r} is not a time zone", "write it like Europe/Berlin or Etc/UTC")
    return value


class Time(Section):
    """Time zone and clock."""

    zone: Annotated[str, AfterValidator(_zone)] = Field("Etc/UTC", description="Time zone, such as Europe/Berlin.")
    ntp: NtpMode = Field(
        NtpMode.DHCP, description="dhcp: servers from DHCP, else Debian's pool. servers: those given. none: no NTP."
    )
    servers: tuple[Server, ...] = Field((), description="NTP servers, by name or address (ntp = servers).")
    clock: datetime | None = Field(
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


class Xen(Section):
    """What dom0 keeps for itself."""

    dom0_memory: SizeBytes | Literal["auto"] = Field(
        "auto", description="Memory of dom0, such as 2G; auto: 1 GiB plus a sixteenth of the machine, 8 GiB at most."
    )
    dom0_vcpus: Annotated[int, Field(ge=1, le=512, strict=True)] | Literal["auto"] = Field(
        "auto", description="Virtual CPUs of dom0; auto: as many as the machine has threads, 8 at most."
    )


class Firewall(Section):
    """nftables lets in SSH and what stands here."""

    open: tuple[Annotated[str, StringConstraints(pattern=r"^(tcp|udp)/[0-9]{1,5}$")], ...] = Field(
        (), description="Further ports to let in, such as tcp/5900."
    )


class Hooks(Section):
    """Scripts of yours, run with /bin/sh -e, and a URL that is told of progress. A failed hook fails the run."""

    before_disk: str | None = Field(
        None,
        max_length=65536,
        description="Runs on the installer before anything is written. A file relative to the answer file, or the "
        "script itself when it begins with #!.",
    )
    installed: str | None = Field(
        None, max_length=65536, description="Runs when the system is in place, with its root in XENINSTALL_ROOT."
    )
    first_boot: str | None = Field(None, max_length=65536, description="Runs once at the installed host's first boot.")
    webhook: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,2000}$")] | None = Field(
        None, description="URL that gets each progress event as a JSON POST; its being unreachable is only warned of."
    )


class Answers(Section):
    """The whole answer file."""

    flow: Literal["install"] = Field("install", description="What to do: install.")
    keyboard: Keyboard = Field(Keyboard(), description="Keyboard.")
    hardware: Hardware = Field(Hardware(), description="Hardware requirements.")
    disk: SystemDisk = Field(SystemDisk(), description="System disk.")
    storage: Storage = Field(Storage(), description="VM storage.")
    packages: Packages = Field(Packages(), description="Package sets.")
    root: Root = Field(Root(), description="Root's login.")
    network: Network = Field(Network(), description="Management network.")
    host: Host = Field(Host(), description="Host name.")
    dns: Dns = Field(Dns(), description="Name resolution.")
    time: Time = Field(Time(), description="Time.")
    console: Console = Field(Console(), description="Consoles.")
    xen: Xen = Field(Xen(), description="Xen and dom0.")
    firewall: Firewall = Field(Firewall(), description="Firewall.")
    hooks: Hooks = Field(Hooks(), description="Hooks.")
