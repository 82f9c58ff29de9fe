"""The drivers that a guest needs to find its disks and network, wherever it is sent."""

from .tree import MAX_BYTES, Tree

# Paravirtual ones of both, then what emulated hardware needs: IDE and AHCI disks, SCSI adapters of VMware and of old QEMU.
XEN = ("xen-blkfront", "xen-netfront")
VIRTIO = ("virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net")
EMULATED = ("ata_piix", "ahci", "sd_mod", "sr_mod", "nvme", "e1000", "8139cp", "mptspi", "vmw_pvscsi")
_OLD_XEN = ("xen-vbd", "xen-vnif", "xenblk", "xennet")  # RHEL 5 and SUSE 10
WANTED = (*XEN, *VIRTIO, *EMULATED)
# Without one of each line's drivers the guest will not find its root file system there.
NEEDED_FOR = {
    "Xen (PV, PVH)": ("xen-blkfront", "xen-vbd", "xenblk"),
    "KVM (virtio)": ("virtio_blk", "virtio_scsi"),
    "emulated disks": ("ata_piix", "ahci"),
}


def drivers_of(tree: Tree, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of ours that a kernel has as modules, and those that are built in; `folder` is its own below /lib/modules."""
    modules = _names(tree.read(f"{folder}/modules.dep", MAX_BYTES), b":")
    builtin = _names(tree.read(f"{folder}/modules.builtin", MAX_BYTES), b"\n")
    wanted = (*WANTED, *_OLD_XEN)
    return (
        tuple(name for name in wanted if _plain(name) in modules),
        tuple(name for name in wanted if _plain(name) in builtin and _plain(name) not in modules),
    )


def _names(data: bytes | None, end: bytes) -> set[str]:
    found = set()
    for line in (data or b"").splitlines():
        name = line.split(end, 1)[0].rsplit(b"/", 1)[-1].split(b".ko", 1)[0]
        found.add(_plain(name.decode("ascii", "replace")))
    return found


def _plain(name: str) -> str:
    return name.replace("-", "_")
