"""A medium in small: a few bytes stand for each of its files, and the real tools make a real image of it."""

from pathlib import Path

from iso.medium import tree
from tests.system.installer import REPOSITORY

BOOT = {
    # GRUB's image is patched by xorriso between bytes 8 and 64, and its hybrid MBR at 0x1b0.
    "eltorito.img": bytes(4096),
    "boot_hybrid.img": bytes(512),
    "memtest86+x64.bin": b"memory",
    "memtest86+x64.efi": b"memory, by UEFI",
    "BOOTX64.EFI": b"shim",
    "grubx64.efi": b"grub" * 5000,
    "mmx64.efi": b"keys",
}
LIVE = {
    "system.squashfs": b"system" * 9000,
    "system.json": b"{}",
    "live.squashfs": b"live" * 900,
    "vmlinuz": b"linux",
    "initrd.img": b"root",
}
ANSWERS = (REPOSITORY / "xeninstall/examples/default.toml").read_bytes()


def medium(place: Path, answers: bytes | None = None) -> Path:
    """A sealed tree."""
    parts = place / "parts"
    (parts / "boot").mkdir(parents=True)
    (parts / "live").mkdir()
    for name, data in BOOT.items():
        (parts / "boot" / name).write_bytes(data)
    for name, data in LIVE.items():
        (parts / "live" / name).write_bytes(data)
    whole = place / "medium"
    live = {name: parts / "live" / name for name in LIVE}
    tree.fill(whole, REPOSITORY, parts / "boot", live, "bash 5.2\n", "1.2.3")
    tree.seal(whole, answers)
    return whole
