"""The running system as a value: what a bootstrap builds upon, read without changing anything."""

import os
import re
from dataclasses import dataclass, field

from pydantic import ValidationError

from xeninstall.base.mountinfo import parse_mounts
from xeninstall.machine.look import Look

from .places import AWAITED, KEPT, MISSED
from .uplink import Uplink, uplink

_MENU_ENTRY = re.compile(r"menuentry_id_option '(gnulinux-simple-[0-9A-Za-z-]+)'")


@dataclass(frozen=True)
class Grub:
    """The boot loader: the entry that was the default, the one that Xen has or will have, and GRUB's own variables."""

    menu: bool = False
    multiboot: bool = False
    tools: bool = False
    linux_entry: str = ""
    saved: str = ""
    once: str = ""
    writes: str = ""  # why GRUB cannot write its variables, which a one-shot entry needs; empty where it can

    @property
    def xen_entry(self) -> str:
        """Xen's entry in the menu, which Debian's GRUB names after that of Linux."""
        return f"xen-{self.linux_entry}"


@dataclass(frozen=True)
class Present:
    """What runs here. `uplink` is None without a default route."""

    look: Look = field(repr=False, compare=False)
    debian: int = 0
    name: str = ""  # of the distribution, for people
    architecture: str = ""
    systemd: bool = False
    container: bool = False
    xen_guest: bool = False
    kernel: str = ""
    kernel_for_dom0: bool = True
    hostname: str = ""
    uplink: Uplink | None = None
    kept: Uplink | None = None  # the uplink as it was before an earlier bootstrap moved it
    grub: Grub = Grub()
    ssh_ports: tuple[int, ...] = (22,)
    firewalls: tuple[str, ...] = ()  # others than nftables, at work here
    installed: frozenset[str] = frozenset()
    free_bytes: int = 0
    boot_free_bytes: int | None = None  # None when /boot is no file system of its own
    awaited: bool = False
    missed: bool = False


def present(look: Look) -> Present:
    """Look at the running system."""
    release = _release(look)
    number = release.get("VERSION_ID", "")
    kernel = look.line("/proc/sys/kernel/osrelease")
    config = look.text(f"/boot/config-{kernel}")
    is_debian = release.get("ID") == "debian" and number.isdecimal()
    return Present(
        look=look,
        debian=int(number) if is_debian else 0,
        name=release.get("PRETTY_NAME", "") or "a system without /etc/os-release",
        architecture=_said(look, ["dpkg", "--print-architecture"]),
        systemd=look.exists("/run/systemd/system"),
        container=look.exists("/run/systemd/container") or look.exists("/.dockerenv"),
        xen_guest=look.line("/sys/hypervisor/type") == "xen" and "control_d" not in (look.text("/proc/xen/capabilities") or ""),
        kernel=kernel,
        kernel_for_dom0=config is None or "CONFIG_XEN_DOM0=y" in config,
        hostname=look.line("/etc/hostname"),
        uplink=uplink(look),
        kept=_kept(look),
        grub=_grub(look),
        ssh_ports=_ssh_ports(look),
        firewalls=tuple(name for name in ("ufw", "firewalld") if _runs(look, name)),
        installed=_installed(look),
        free_bytes=_free(look, "/"),
        boot_free_bytes=_free(look, "/boot") if _is_mounted(look, "/boot") else None,
        awaited=look.exists(AWAITED),
        missed=look.exists(MISSED),
    )


def _release(look: Look) -> dict[str, str]:
    pairs = (line.partition("=") for line in (look.text("/etc/os-release") or "").splitlines())
    return {key: value.strip().strip('"') for key, equals, value in pairs if equals}


def _kept(look: Look) -> Uplink | None:
    text = look.text(KEPT)
    try:
        return Uplink.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _grub(look: Look) -> Grub:
    menu = look.text("/boot/grub/grub.cfg")
    pairs = (line.partition("=") for line in (look.text("/boot/grub/grubenv") or "").splitlines() if not line.startswith("#"))
    variables = {key: value for key, equals, value in pairs if equals}
    entry = _MENU_ENTRY.search(menu or "")
    platform = "x86_64-efi" if look.exists("/sys/firmware/efi") else "i386-pc"
    return Grub(
        menu=menu is not None,
        multiboot=look.exists(f"/boot/grub/{platform}/multiboot2.mod"),
        tools=look.exists("/usr/sbin/update-grub") and look.exists("/usr/sbin/grub-reboot"),
        linux_entry=entry[1] if entry else "",
        saved=variables.get("saved_entry", ""),
        once=variables.get("next_entry", ""),
        writes=_unwritable(look),
    )


def _unwritable(look: Look) -> str:
    """GRUB writes into a file of ext4 on a plain disk, and nowhere else."""
    mounts = {mount.place: (mount.fstype, mount.source) for mount in parse_mounts(look.text("/proc/self/mountinfo") or "")}
    fstype, source = next((mounts[place] for place in ("/boot/grub", "/boot", "/") if place in mounts), ("ext4", ""))
    stacked = re.match(r"/dev/(mapper/|md|dm-)", source)
    return f"{fstype} on {source}" if stacked or fstype not in ("ext2", "ext3", "ext4") else ""


def _ssh_ports(look: Look) -> tuple[int, ...]:
    """Where sshd listens by its own account, else 22."""
    done = look.attempt(["sshd", "-T"])
    found = [] if isinstance(done, str) else re.findall(r"^port ([0-9]{1,5})$", done.stdout, re.MULTILINE)
    return tuple(sorted({int(port) for port in found})) or (22,)


def _runs(look: Look, unit: str) -> bool:
    return _said(look, ["systemctl", "is-active", unit]) == "active"


def _installed(look: Look) -> frozenset[str]:
    done = look.attempt(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"], seconds=30)
    lines = [] if isinstance(done, str) else [line.split() for line in done.stdout.splitlines()]
    return frozenset(words[1] for words in lines if len(words) == 2 and words[0][1:2] == "i")


def _said(look: Look, argv: list[str]) -> str:
    done = look.attempt(argv)
    return "" if isinstance(done, str) else done.stdout.strip()


def _free(look: Look, path: str) -> int:
    room = os.statvfs(look.path(path))
    return room.f_bavail * room.f_frsize


def _is_mounted(look: Look, path: str) -> bool:
    return any(mount.place == path for mount in parse_mounts(look.text("/proc/self/mountinfo") or ""))
