"""What the repairs of each initramfs tool share: which kernels, which drivers, and what to say where something is missing."""

from ..drivers import NEEDED_FOR
from ..model import Guest, Kernel


def drivers(guest: Guest) -> tuple[str, ...]:
    """Our drivers that at least one of the kernels to be booted has as a module, in our order."""
    return tuple(dict.fromkeys(name for kernel in guest.boot_kernels for name in kernel.drivers))


def rebuilt(guest: Guest) -> tuple[Kernel, ...]:
    """The kernels whose initramfs is made anew: those to be booted that have modules and an initramfs to replace."""
    return tuple(kernel for kernel in guest.boot_kernels if kernel.initramfs and (kernel.drivers or kernel.builtin))


def unbootable(guest: Guest) -> tuple[str, ...]:
    """The kernels to be booted that find no disk of a virtual machine, whatever is repaired."""
    return tuple(kernel.version for kernel in guest.boot_kernels if not _has(kernel) or _is_bare(kernel))


def remarks(guest: Guest) -> tuple[str, ...]:
    """Where a kernel lacks a driver without which it finds no disk."""
    found = []
    for kernel in guest.boot_kernels:
        has = _has(kernel)
        if not has:
            found.append(
                f"kernel {kernel.version} is listed, but has no driver for virtual disks: it is left as it is, and will not boot"
            )
            continue
        missing = [what for what, names in NEEDED_FOR.items() if not has & set(names)]
        if missing:
            found.append(f"kernel {kernel.version} has no driver for {', nor for '.join(missing)}")
        if _is_bare(kernel):
            found.append(f"kernel {kernel.version} is started without an initramfs, and has no disk driver built in")
    return tuple(found)


def _has(kernel: Kernel) -> set[str]:
    return {*kernel.drivers, *kernel.builtin}


def _is_bare(kernel: Kernel) -> bool:
    return not kernel.initramfs and not set(kernel.builtin) & {"virtio_blk", "ahci", "ata_piix", "xen-blkfront"}
