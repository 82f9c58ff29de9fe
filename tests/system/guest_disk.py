"""A physical machine's Debian on a disk: device names everywhere, that machine's drivers in the initramfs, no UEFI fallback."""

import fcntl
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.p2v.disks import put, run

from .guest_boot import MIB, boot_code, esp, grub

REPOSITORY = Path(__file__).parent.parent.parent
PASSWORD = "xeninstall"
MAC = "52:54:00:c0:ff:ee"
_COMMON = "linux-image-amd64,systemd-sysv,udev,zstd,kmod,e2fsprogs,util-linux"
_GRUB = "grub2-common,grub-pc-bin,grub-efi-amd64-bin"
_PEOPLE = "login,passwd,dbus,iproute2"
_PACKAGES = {
    "initramfs-tools": f"{_COMMON},initramfs-tools,ifupdown,iproute2,{_GRUB},login,passwd,dbus",
    "dracut": f"{_COMMON},dracut",
    "btrfs": f"{_COMMON},dracut,btrfs-progs,netplan.io,{_GRUB},{_PEOPLE}",
    "luks": f"{_COMMON},initramfs-tools,cryptsetup-initramfs,network-manager,{_GRUB},{_PEOPLE}",
    "mirror": f"{_COMMON},initramfs-tools,mdadm,ifupdown,{_GRUB},{_PEOPLE}",
    "lvm": f"{_COMMON},initramfs-tools,lvm2,xfsprogs,iproute2,grub-efi-amd64-bin,grub2-common,login,passwd,dbus",
}
_ROOT_BYTES = 1600 * MIB
_RESTART_ONCE = """[Unit]
ConditionPathExists=!/var/lib/restarted
Before=systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'touch /var/lib/restarted && systemctl --no-block reboot && sleep infinity'
"""


@dataclass(frozen=True)
class GuestDisk:
    """The disk, and the kernel that it boots."""

    path: Path
    kernel: str


def debian_root(folder: Path, tool: str = "initramfs-tools", suite: str = "trixie") -> Path:
    """A Debian with this initramfs tool, built once and kept in build/."""
    cache = REPOSITORY / "build" / f"guest-{suite}-{tool}.tar"
    cache.parent.mkdir(exist_ok=True)
    with cache.with_name(".guests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not cache.exists():
            growing = cache.with_suffix(".partial.tar")
            wanted = [f"--include={_PACKAGES[tool]}", '--aptopt=APT::Install-Recommends "0"']
            run("mmdebstrap", "--variant=minbase", *wanted, suite, growing)
            growing.rename(cache)
    root = folder / "root"
    root.mkdir()
    run("tar", "-x", "-p", "-f", cache, "-C", root, "--exclude=./dev/*")
    return root


def make_guest(folder: Path, firmware: str, *, restarts: bool = False) -> GuestDisk:
    """MBR and BIOS, or GPT and UEFI. One that `restarts` does so once, before its first login, as after a relabelling."""
    root = debian_root(folder)
    if restarts:
        unit = root / "etc/systemd/system/restart-once.service"
        unit.write_text(_RESTART_ONCE)
        wants = unit.parent / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / unit.name).symlink_to(f"/{unit.relative_to(root)}")
    kernel = next((root / "lib/modules").iterdir()).name
    uefi = firmware == "uefi"
    root_part, swap_part = ("2", "3") if uefi else ("1", "2")
    _configure(root, root_part, swap_part, esp=uefi)
    old_drivers(root, kernel)
    disk = folder / "old.img"
    with disk.open("wb") as file:
        file.truncate(_ROOT_BYTES + 256 * MIB)
    parts = {"swap": (1 * MIB if not uefi else 65 * MIB) + _ROOT_BYTES}
    start = 65 * MIB if uefi else MIB
    lines = ["label: gpt" if uefi else "label: dos"]
    lines += ["start=2048, size=131072, type=U"] if uefi else []
    lines += [f"start={start // 512}, size={_ROOT_BYTES // 512}, type={'L' if uefi else '83, bootable'}"]
    lines += [f"start={parts['swap'] // 512}, size={64 * MIB // 512}, type={'S' if uefi else '82'}"]
    run("sfdisk", "-q", "--no-reread", disk, stdin="\n".join(lines) + "\n")
    _grub(root, disk, folder, uefi=uefi)
    part = folder / "root.part"
    with part.open("wb") as file:
        file.truncate(_ROOT_BYTES)
    run("mkfs.ext4", "-q", "-F", "-U", ROOT_UUID, "-d", root, part)
    put(disk, part, start)
    part.unlink()
    swap = folder / "swap.part"
    with swap.open("wb") as file:
        file.truncate(64 * MIB)
    run("mkswap", "-q", swap)
    put(disk, swap, parts["swap"])
    shutil.rmtree(root)
    return GuestDisk(disk, kernel)


ROOT_UUID = "1f2e3d4c-5b6a-4798-8897-a6b5c4d3e2f1"


def _configure(root: Path, root_part: str, swap_part: str, *, esp: bool) -> None:
    fstab = f"/dev/sda{root_part} / ext4 errors=remount-ro 0 1\n/dev/sda{swap_part} none swap sw 0 0\n"
    fstab += "/dev/sda1 /boot/efi vfat umask=0077 0 1\n" if esp else ""
    (root / "boot/efi").mkdir(exist_ok=True)
    (root / "etc/fstab").write_text(fstab)
    (root / "etc/hostname").write_text("old-server\n")
    lived_in(root)
    (root / "etc/network/interfaces").write_text(
        "auto lo\niface lo inet loopback\nauto eno7\niface eno7 inet static\n  address 192.0.2.77/24\n  gateway 192.0.2.1\n"
    )
    (root / "etc/modules").write_text("coretemp\n")
    (root / "etc/initramfs-tools/initramfs.conf").write_text(
        "MODULES=dep\nBUSYBOX=auto\nCOMPRESS=zstd\nRUNSIZE=10%\nFSTYPE=auto\n"
    )
    subprocess.run(["chroot", root, "chpasswd"], input=f"root:{PASSWORD}\n", text=True, check=True)
    kernel = next((root / "lib/modules").iterdir()).name
    (root / "boot/grub").mkdir(exist_ok=True)
    (root / "boot/grub/grub.cfg").write_text(
        f"set timeout=0\ninsmod part_gpt\ninsmod part_msdos\ninsmod ext2\nsearch --no-floppy --fs-uuid --set=root {ROOT_UUID}\n"
        f"menuentry 'Debian' {{\n\tlinux\t/boot/vmlinuz-{kernel} root=/dev/sda{root_part} ro console=ttyS0,115200\n"
        f"\tinitrd\t/boot/initrd.img-{kernel}\n}}\n"
    )


def lived_in(root: Path) -> None:
    """As after its first start, which makes an identity and caches; and patient, since devices take minutes in emulation."""
    (root / "etc/machine-id").write_text("5a1f0c3e9b7d4826a4c1e0f3b2d59687\n")
    for place in ("etc", "var"):
        (root / place / ".updated").touch()
    patience = root / "etc/systemd/system.conf.d/patience.conf"
    patience.parent.mkdir(parents=True, exist_ok=True)
    patience.write_text("[Manager]\nDefaultDeviceTimeoutSec=900\nDefaultTimeoutStartSec=900\n")


def old_drivers(root: Path, kernel: str, drivers: str = "ahci\nsd_mod\next4\n") -> None:
    """What MODULES=dep takes on a machine with an AHCI disk; it cannot be asked here, where there is no such machine."""
    modules = root / "etc/initramfs-tools/modules"
    before = modules.read_text() if modules.exists() else ""
    conf = root / "etc/initramfs-tools/conf.d/build"
    modules.write_text(drivers)
    conf.write_text("MODULES=list\n")
    subprocess.run(["chroot", root, "update-initramfs", "-u", "-k", kernel], check=True, capture_output=True)
    modules.write_text(before)
    conf.unlink()


def _grub(root: Path, disk: Path, folder: Path, *, uefi: bool) -> None:
    made = grub(root, "x86_64-efi" if uefi else "i386-pc", ROOT_UUID, ["ext2"])
    if uefi:
        part = esp(folder, {"EFI/debian/grubx64.efi": made})
        put(disk, part, MIB)
        part.unlink()
    else:
        boot_code(disk, root, made)
