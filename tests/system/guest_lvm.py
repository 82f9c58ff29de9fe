"""A physical machine's Debian 12 on XFS in a volume group, with /boot apart, GPT and UEFI, its network by systemd-networkd."""

import shutil
import subprocess
from pathlib import Path

from tests.p2v.disks import patch, put, run
from tests.p2v.volume_group import PE_START, make_group, striped

from .guest_boot import MIB, esp, grub
from .guest_disk import PASSWORD, GuestDisk, debian_root, lived_in, old_drivers

_ROOT_MIB, _SWAP_MIB, _BOOT_MIB, _ESP_MIB = 1800, 64, 256, 64
_BOOT_UUID = "7b1c2d3e-4f50-4172-8394-a5b6c7d8e9f0"


def make_lvm_guest(folder: Path) -> GuestDisk:
    """The disk: ESP, /boot on ext4, and a physical volume with root and swap."""
    root = debian_root(folder, "lvm", "bookworm")
    kernel = next((root / "lib/modules").iterdir()).name
    pv = folder / "pv.part"
    with pv.open("wb") as file:
        file.truncate((_ROOT_MIB + _SWAP_MIB + 2) * MIB)
    volumes = striped("root", (_ROOT_MIB, [("pv0", 0)])) + striped("swap", (_SWAP_MIB, [("pv0", _ROOT_MIB)]))
    group = make_group(folder, {"pv0": pv}, volumes)
    _configure(root, group, kernel)
    old_drivers(root, kernel, "ahci\nsd_mod\nxfs\ndm_mod\n")
    program = grub(root, "x86_64-efi", _BOOT_UUID, ["ext2"], prefix="/grub")
    system, boot = esp(folder, {"EFI/debian/grubx64.efi": program}, _ESP_MIB), _boot(root, folder)
    _fill(root, pv, folder)
    disk = folder / "old.img"
    start = {"esp": MIB, "boot": (1 + _ESP_MIB) * MIB, "pv": (1 + _ESP_MIB + _BOOT_MIB) * MIB}
    with disk.open("wb") as file:
        file.truncate(start["pv"] + pv.stat().st_size + MIB)
    lines = ["label: gpt"]
    for name, part, kind in (("esp", system, "U"), ("boot", boot, "L"), ("pv", pv, "V")):
        lines.append(f"start={start[name] // 512}, size={part.stat().st_size // 512}, type={kind}")
    run("sfdisk", "-q", "--no-reread", disk, stdin="\n".join(lines) + "\n")
    for name, part in (("esp", system), ("boot", boot), ("pv", pv)):
        put(disk, part, start[name])
        part.unlink()
    shutil.rmtree(root)
    return GuestDisk(disk, kernel)


def _configure(root: Path, group: str, kernel: str) -> None:
    (root / "boot/efi").mkdir(exist_ok=True)
    (root / "etc/fstab").write_text(
        f"/dev/mapper/{group}-root / xfs defaults 0 0\n/dev/sda2 /boot ext4 defaults 0 2\n"
        f"/dev/sda1 /boot/efi vfat umask=0077 0 1\n/dev/mapper/{group}-swap none swap sw 0 0\n"
    )
    (root / "etc/hostname").write_text("old-lvm\n")
    lived_in(root)
    network = root / "etc/systemd/network"
    network.mkdir(parents=True, exist_ok=True)
    (network / "10-lan.network").write_text("[Match]\nName=eno7\n\n[Network]\nAddress=192.0.2.77/24\nGateway=192.0.2.1\n")
    run("systemctl", f"--root={root}", "enable", "systemd-networkd")
    (root / "etc/initramfs-tools/initramfs.conf").write_text(
        "MODULES=dep\nBUSYBOX=auto\nCOMPRESS=zstd\nRUNSIZE=10%\nFSTYPE=auto\n"
    )
    subprocess.run(["chroot", root, "chpasswd"], input=f"root:{PASSWORD}\n", text=True, check=True)
    (root / "boot/grub").mkdir(exist_ok=True)
    (root / "boot/grub/grub.cfg").write_text(
        f"set timeout=0\nsearch --no-floppy --fs-uuid --set=root {_BOOT_UUID}\n"
        f"menuentry 'Debian' {{\n\tlinux\t/vmlinuz-{kernel} root=/dev/mapper/{group}-root ro console=ttyS0,115200\n"
        f"\tinitrd\t/initrd.img-{kernel}\n}}\n"
    )


def _boot(root: Path, folder: Path) -> Path:
    part, tree = folder / "boot.part", folder / "boot"
    shutil.move(root / "boot", tree)
    (root / "boot").mkdir()
    with part.open("wb") as file:
        file.truncate(_BOOT_MIB * MIB)
    run("mkfs.ext4", "-q", "-F", "-U", _BOOT_UUID, "-d", tree, part)
    shutil.rmtree(tree)
    return part


def _fill(root: Path, pv: Path, folder: Path) -> None:
    """Root's XFS, filled through the kernel, and the swap, at their extents."""
    part, at = folder / "root.part", folder / "mounted"
    at.mkdir()
    with part.open("wb") as file:
        file.truncate(_ROOT_MIB * MIB)
    run("mkfs.xfs", "-q", "-f", part)
    run("mount", "-o", "loop", part, at)
    try:
        run("cp", "-a", f"{root}/.", at)
    finally:
        run("umount", at)
    put(pv, part, PE_START)
    part.unlink()
    swap = folder / "swap.part"
    with swap.open("wb") as file:
        file.truncate(_SWAP_MIB * MIB)
    run("mkswap", "-q", swap)
    patch(pv, PE_START + _ROOT_MIB * MIB, swap.read_bytes()[:8192])
    swap.unlink()
