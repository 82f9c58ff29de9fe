"""What a repaired Linux system has drivers for: virtio, or the emulated disks and cards that a machine can have instead."""

from ..model import Guest, InitramfsTool, Kernel, Traits


def devices(guest: Guest) -> Traits:
    """What every kernel that may be started finds; where none is known, what nearly every kernel does."""
    kernels = [kernel for kernel in guest.boot_kernels if kernel.drivers or kernel.builtin]
    if not kernels:
        return Traits()
    rebuilt = guest.initramfs_tool is not InitramfsTool.NONE

    def early(name: str) -> bool:
        """In time for the root: built in, or in an initramfs that was made with all of ours."""
        return all(name in kernel.builtin or (rebuilt and kernel.initramfs and name in kernel.drivers) for kernel in kernels)

    return Traits(
        virtio_disks=early("virtio_blk"),
        virtio_cards=_all_have("virtio_net", kernels),
        # An initramfs that nobody made anew holds what the old machine needed, which was AHCI more often than not.
        ahci=early("ahci") or not rebuilt,
        card="rtl8139" if not _all_have("e1000", kernels) and _all_have("8139cp", kernels) else "e1000",
    )


def _has(kernel: Kernel) -> set[str]:
    return {*kernel.drivers, *kernel.builtin}


def _all_have(name: str, kernels: list[Kernel]) -> bool:
    return all(name in _has(kernel) for kernel in kernels)
