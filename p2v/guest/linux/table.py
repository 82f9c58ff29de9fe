"""The repairs in their order; adding one is adding its file and a line here. An initramfs holds the others, so it comes last."""

from ..changes import Repair
from . import (
    boot_root,
    caches,
    consoles,
    crypttab,
    dracut,
    early_luks,
    esp_loader,
    fstab,
    initramfs_tools,
    leftovers,
    md,
    mkinitcpio,
    mkinitrd,
    modprobe,
    nic_matches,
    nics,
    selinux,
    xorg,
)

REPAIRS: tuple[Repair, ...] = (
    fstab.REPAIR,
    crypttab.REPAIR,
    early_luks.REPAIR,
    boot_root.REPAIR,
    caches.REPAIR,
    md.REPAIR,
    nics.REPAIR,
    nic_matches.REPAIR,
    consoles.REPAIR,
    modprobe.REPAIR,
    leftovers.REPAIR,
    xorg.REPAIR,
    esp_loader.REPAIR,
    initramfs_tools.REPAIR,
    dracut.REPAIR,
    mkinitcpio.REPAIR,
    mkinitrd.REPAIR,
    selinux.REPAIR,
)
