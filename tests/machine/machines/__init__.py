"""The recorded machines by name; a function each builds the files and command output of one."""

from collections.abc import Callable

from ..computer import Computer
from .disks import bios_two_disks, eighty_disks, multipath_san, nvme, old_md, old_zfs, running_md, tiny_disk, vmd_no_disks
from .network import no_nic, ten_nics
from .processors import amd_svm_off, intel_vt_off, no_dm_md, no_vt, qemu_virtio, uefi_plain, uefi_secure_boot, unknown_verdict
from .systems import foreign_xenvms, installed_debian, under_xen, windows

MACHINES: dict[str, Callable[[Computer], None]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        intel_vt_off,
        amd_svm_off,
        no_vt,
        unknown_verdict,
        uefi_secure_boot,
        uefi_plain,
        qemu_virtio,
        no_dm_md,
        bios_two_disks,
        vmd_no_disks,
        old_md,
        running_md,
        old_zfs,
        nvme,
        multipath_san,
        eighty_disks,
        tiny_disk,
        under_xen,
        windows,
        foreign_xenvms,
        installed_debian,
        no_nic,
        ten_nics,
    )
}
