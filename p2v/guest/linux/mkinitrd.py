"""mkinitrd of RHEL 5 and of SUSE up to 11: the drivers are named one by one."""

import re

from ..changes import Change, Planned, Repair, RunInGuest, WriteFile
from ..model import Family, Guest, InitramfsTool
from ..tree import Tree, encode, text
from . import kernels

_SYSCONFIG = "/etc/sysconfig/kernel"
_LIST = re.compile(r'^(INITRD_MODULES=")([^"\n]*)(")', re.MULTILINE)
_ONLY_DISKS = (
    "xen-blkfront",
    "xen-vbd",
    "xenblk",
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "ata_piix",
    "ahci",
    "sd_mod",
)


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.initramfs_tool is not InitramfsTool.MKINITRD:
        return Planned()
    changes: list[Change] = []
    if guest.family is Family.SUSE:
        content = text(tree, _SYSCONFIG) or ""
        names = [name for name in kernels.drivers(guest) if name in _ONLY_DISKS]
        changed = _LIST.sub(lambda match: f"{match[1]}{' '.join(dict.fromkeys([*match[2].split(), *names]))}{match[3]}", content)
        if changed != content:
            changes.append(
                WriteFile(_SYSCONFIG, encode(changed), "the initrd of this and later kernels holds the drivers of Xen and virtio")
            )
    for kernel in kernels.rebuilt(guest):
        names = [name for name in kernel.drivers if name in _ONLY_DISKS]
        if guest.family is Family.SUSE:
            argv: tuple[str, ...] = ("/sbin/mkinitrd", "-k", kernel.image, "-i", kernel.initramfs, "-m", " ".join(names))
        else:
            argv = ("/sbin/mkinitrd", "-f", *(f"--with={name}" for name in names), kernel.initramfs, kernel.version)
        changes.append(RunInGuest(argv, f"kernel {kernel.version} finds its disks on Xen and on KVM", makes=kernel.initramfs))
    return Planned(tuple(changes), kernels.remarks(guest))


REPAIR = Repair("mkinitrd", "the initrd has the drivers of Xen, virtio and emulated disks", _plan)
