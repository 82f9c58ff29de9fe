"""A rented server's Debian on a disk: SSH, GRUB, one network system, a service of its own, and a package archive in it.

The archive under /srv/debs holds what `xeninstall bootstrap` asks apt for, since nothing here leads to a mirror.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.p2v.disks import put, run
from xeninstall.apply.bios_boot import patched

REPOSITORY = Path(__file__).parent.parent.parent
PASSWORD = "xeninstall"
MAC = "52:54:00:c0:ff:ee"
ROOT_UUID = "7a6b5c4d-3e2f-4190-8a7b-6c5d4e3f2a1b"
MIB = 1 << 20
_DISK_BYTES, _ROOT_AT = 5120 * MIB, MIB
SUITES = {12: "bookworm", 13: "trixie"}
_PACKAGES = (
    "linux-image-amd64,systemd-sysv,udev,zstd,kmod,e2fsprogs,util-linux,initramfs-tools,dbus,grub-pc,login,passwd,procps,"
    "iproute2,iputils-ping,openssh-server,ifupdown,netplan.io,python3,pciutils"
)
_PYTHON = "python3-pydantic,python3-psutil,python3-cpuinfo,python3-netifaces"
_DHCP_CLIENTS = {12: "isc-dhcp-client", 13: "dhcpcd-base"}  # those that ifupdown recommends
# What bootstrap asks for, and what the answers of the tests add.
_WANTED = "xen-system-amd64 qemu-system-xen seabios ovmf grub-xen-host nftables chrony"
_ARCHIVE = f"""export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean && apt-get -y --no-install-recommends --download-only install {_WANTED} &&
mkdir -p "$1/srv/debs" && mv "$1"/var/cache/apt/archives/*.deb "$1/srv/debs/" &&
cd "$1/srv/debs" && dpkg-scanpackages --multiversion . > Packages"""
_WHEELS = ("pydantic>=2.10,<3", "psutil", "py-cpuinfo", "netifaces-plus", "typing-extensions")
# Debian 12 has no pydantic 2; its Python takes these wheels wherever they are fetched.
_FOR_BOOKWORM = ("--python-version", "3.11", "--platform", "manylinux2014_x86_64", "--only-binary=:all:")
_UNREAD = ("doc", "locale", "man")
# Of the emulated board; each costs seconds.
_UNNEEDED = "aesni_intel bochs ghash_clmulni_intel i2c_i801 iTCO_wdt kvm_amd lpc_ich pcspkr psmouse sha256_ssse3 sha512_ssse3"
_UNTIMELY = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer")
_PATIENCE = "[Manager]\nDefaultTimeoutStartSec=15min\nDefaultDeviceTimeoutSec=15min\n"

INTERFACES = "auto lo\niface lo inet loopback\n"


@dataclass(frozen=True)
class Variant:
    """A Debian, its network system with its files, and the address that QEMU's network expects it at."""

    name: str
    debian: int
    address: str
    files: dict[str, str]
    enable: tuple[str, ...] = ()
    misled: bool = False  # also try wrong answers, and kill a run


_IFUPDOWN = "allow-hotplug eno1\niface eno1 inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\n"
_NETPLAN = "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eno1:\n      dhcp4: true\n"
STATIC_IFUPDOWN = Variant(
    "debian12-ifupdown-static", 12, "192.0.2.10", {"/etc/network/interfaces": f"{INTERFACES}\n{_IFUPDOWN}"}, misled=True
)
DHCP_NETWORKD = Variant(
    "debian13-networkd-dhcp",
    13,
    "192.0.2.100",
    {"/etc/systemd/network/20-wired.network": "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n"},
    ("systemd-networkd.service",),
)
DHCP_NETPLAN = Variant(
    "debian13-netplan-dhcp", 13, "192.0.2.100", {"/etc/netplan/50-cloud-init.yaml": _NETPLAN}, ("systemd-networkd.service",)
)


@dataclass(frozen=True)
class Server:
    """The disk, and the private key that root's SSH takes."""

    disk: Path
    key: Path


def debian(number: int) -> Path:
    """The root of this Debian as a tar file, with the archive in it; built once and kept in build/."""
    include = ",".join((_PACKAGES, _DHCP_CLIENTS[number], _PYTHON if number >= 13 else "python3"))
    recipe = hashlib.sha256(f"{include} {_ARCHIVE}".encode()).hexdigest()[:12]
    cache = REPOSITORY / "build" / f"server-debian{number}-{recipe}.tar"
    if cache.exists():
        return cache
    cache.parent.mkdir(exist_ok=True)
    growing = cache.with_suffix(".partial.tar")
    run(
        *("mmdebstrap", "--variant=minbase", f"--include={include}", '--aptopt=APT::Install-Recommends "0"'),
        *(f"--customize-hook={_ARCHIVE}", SUITES[number], growing),
    )
    growing.rename(cache)
    return cache


def make_server(folder: Path, variant: Variant) -> Server:
    """A disk with this Debian and this network system."""
    root = folder / "root"
    root.mkdir()
    run("tar", "-x", "-p", "-f", debian(variant.debian), "-C", root, "--exclude=./dev/*")
    _configure(root, folder, {"/etc/network/interfaces": INTERFACES, **variant.files}, variant.enable)
    run("chroot", root, "apt-get", "update")
    _product(root, variant.debian)
    disk = folder / "server.img"
    with disk.open("wb") as file:
        file.truncate(_DISK_BYTES)
    size = _DISK_BYTES - _ROOT_AT - MIB
    run("sfdisk", "-q", "--no-reread", disk, stdin=f"label: dos\nstart=2048, size={size // 512}, type=83, bootable\n")
    _boot_code(root, disk)
    part = folder / "root.part"
    with part.open("wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-U", ROOT_UUID, "-d", root, part)
    put(disk, part, _ROOT_AT)
    part.unlink()
    shutil.rmtree(root)
    return Server(disk, folder / "key")


def make_root(folder: Path, variant: Variant) -> Path:
    """The same as a directory, for a container: it needs neither kernel nor packages to install."""
    root = folder / "root"
    root.mkdir()
    heavy = ("./dev/*", "./srv/debs/*", "./usr/lib/modules/*", "./boot/*")
    run("tar", "-x", "-p", "-f", debian(variant.debian), "-C", root, *(f"--exclude={path}" for path in heavy))
    _configure(root, folder, {"/etc/network/interfaces": INTERFACES, **variant.files}, variant.enable)
    _product(root, variant.debian)
    return root


def _configure(root: Path, folder: Path, files: dict[str, str], enable: tuple[str, ...]) -> None:
    run("mknod", "-m", "666", root / "dev/null", "c", "1", "3")  # for programs that run in here
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    run("chroot", root, "ssh-keygen", "-A")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    unit = (
        "[Service]\nExecStart=/usr/bin/python3 -m http.server 8080 --directory /srv/own\n[Install]\nWantedBy=multi-user.target\n"
    )
    texts = {
        "/root/.ssh/authorized_keys": (folder / "key.pub").read_text(),
        "/etc/fstab": f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n",
        "/etc/hostname": "rented\n",
        "/etc/hosts": "127.0.0.1 localhost\n127.0.1.1 rented\n",
        "/etc/resolv.conf": "nameserver 192.0.2.53\n",
        # Whichever slot QEMU gives the card.
        "/etc/systemd/network/10-nic.link": f"[Match]\nMACAddress={MAC}\nType=!vlan bridge\n\n[Link]\nName=eno1\n",
        "/etc/apt/sources.list": "deb [trusted=yes] file:/srv/debs ./\n",
        # Software emulation is slow: no sync for each file, no manuals, and services have time.
        "/etc/dpkg/dpkg.cfg.d/quick": "force-unsafe-io\n" + "".join(f"path-exclude=/usr/share/{name}/*\n" for name in _UNREAD),
        "/etc/modprobe.d/quick.conf": "".join(f"blacklist {name}\n" for name in _UNNEEDED.split()),
        "/etc/systemd/system.conf.d/slow.conf": _PATIENCE,
        "/etc/systemd/system/own.service": unit,
        "/srv/own/hello": "still here\n",
        "/etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
        'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\n'
        'GRUB_TERMINAL=serial\nGRUB_SERIAL_COMMAND="serial --speed=115200"\n',
        **files,
    }
    for path, text in texts.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(text)
        place.chmod(0o600 if "ssh" in path or "netplan" in path else 0o644)
    for leftover in (root / "etc/apt/sources.list.d").glob("*"):
        leftover.unlink()
    for unit_name in ("own.service", *enable):
        run("chroot", root, "systemctl", "enable", unit_name)
    run("chroot", root, "systemctl", "mask", *_UNTIMELY)
    subprocess.run(["chroot", root, "chpasswd"], input=f"root:{PASSWORD}\n", text=True, check=True)


def _product(root: Path, number: int) -> None:
    """The program as `pip install --target` would lay it down."""
    place = root / "opt/xeninstall"
    shutil.copytree(REPOSITORY / "xeninstall", place / "xeninstall", ignore=shutil.ignore_patterns("__pycache__", "wizard"))
    if number < 13:
        run(sys.executable, "-m", "pip", "install", "-q", "--target", place, *_FOR_BOOKWORM, *_WHEELS)
    run("chroot", root, "python3", "-m", "compileall", "-q", "/opt/xeninstall")
    starter = root / "usr/local/bin/xeninstall"
    starter.write_text('#!/bin/sh\nPYTHONPATH=/opt/xeninstall exec python3 -m xeninstall "$@"\n')
    starter.chmod(0o755)


def _boot_code(root: Path, disk: Path) -> None:
    kernel = next((root / "lib/modules").iterdir()).name
    modules = root / "etc/initramfs-tools/modules"
    modules.write_text("virtio_pci\nvirtio_blk\nvirtio_net\next4\n")
    (root / "etc/initramfs-tools/conf.d/small").write_text("MODULES=list\n")
    run("chroot", root, "update-initramfs", "-u", "-k", kernel)
    grub = root / "boot/grub"
    grub.mkdir(exist_ok=True)
    shutil.copytree(root / "usr/lib/grub/i386-pc", grub / "i386-pc", dirs_exist_ok=True)
    (root / "early.cfg").write_text(f"search.fs_uuid {ROOT_UUID} root\nset prefix=($root)/boot/grub\n")
    needed = ["biosdisk", "part_msdos", "ext2", "search_fs_uuid", "gzio", "normal", "configfile", "linux", "echo"]
    run("chroot", root, "grub-mkimage", "-O", "i386-pc", "-o", "/core.img", "-p", "/boot/grub", "-c", "/early.cfg", *needed)
    boot, core = patched((grub / "i386-pc/boot.img").read_bytes(), (root / "core.img").read_bytes(), 1)
    with disk.open("r+b") as raw:
        head = raw.read(512)
        raw.seek(0)
        raw.write(boot[:440] + head[440:] + core)
    for name in ("early.cfg", "core.img"):
        (root / name).unlink()
    # The first menu; the running system's own update-grub makes the real one.
    (grub / "grub.cfg").write_text(
        f"set timeout=0\ninsmod part_msdos\ninsmod ext2\nsearch --no-floppy --fs-uuid --set=root {ROOT_UUID}\n"
        f"menuentry 'Debian' {{\n\tlinux /boot/vmlinuz-{kernel} root=UUID={ROOT_UUID} ro console=ttyS0,115200\n"
        f"\tinitrd /boot/initrd.img-{kernel}\n}}\n"
    )
