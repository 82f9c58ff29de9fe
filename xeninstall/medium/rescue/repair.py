"""A host's boot loader made anew, by the same code that installed it: menu, boot code for BIOS, EFI system partition, and the
firmware's entry, on every disk of the host; each is read back and compared. Nothing else on the disks is touched.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.apply import bios_boot, disks, uefi_boot, verify
from xeninstall.apply.guard import sole_run
from xeninstall.apply.host_files import inside
from xeninstall.apply.paths import is_disk
from xeninstall.apply.target import Ground, Target
from xeninstall.base.errors import RequirementError
from xeninstall.base.run import Runner
from xeninstall.plan.boot import bios_modules, esp_filling, grub_menu
from xeninstall.plan.model import (
    ArrayOf,
    InstallBiosBoot,
    MakeFilesystem,
    Partition,
    PartitionOf,
    PartitionType,
    PlannedDisk,
    RegisterBootEntry,
    VerifyHost,
)

from .hosts import Host, Part, table

_EFI = Path("/sys/firmware/efi")


class NotRepairable(RequirementError):
    """This system's boot loader is not of the kind that we install."""


@dataclass(frozen=True)
class _Loader:
    """Where boot code lies on one disk."""

    disk: PlannedDisk
    bios: Partition | None
    esp: PartitionOf | None


def repair(host: Host, runner: Runner, tell: Callable[[str], None]) -> None:
    """Do all of it. Raises Error, having released everything."""
    loaders, ground = _ground(host, runner)
    with sole_run(ground.disks[0].path), Target(ground, runner) as target:
        root = target.root()
        _check(host, root)
        for action in grub_menu():
            target.run_in_host(action.argv)
        tell("GRUB's menu: made anew")
        for loader in loaders:
            _bios(loader, host, target, tell)
            _esp(loader, host, root, target, runner, tell)
        verify.verify_grub(VerifyHost(boot_files={}, root_uuid=host.uuid), target, root)
        tell("GRUB's menu: starts Xen, and finds this root file system")


def _bios(loader: _Loader, host: Host, target: Target, tell: Callable[[str], None]) -> None:
    path = loader.disk.path
    if loader.bios is None:
        tell(f"{path}: no BIOS boot partition, so no boot code for BIOS")
        return
    modules = bios_modules(mirrored=host.array)
    action = InstallBiosBoot(disk=loader.disk.key, partition=loader.bios.number, root_uuid=host.uuid, modules=modules)
    bios_boot.install(action, loader.disk, loader.bios, target)
    tell(f"{path}: boot code for BIOS written and read back")


def _esp(loader: _Loader, host: Host, root: Path, target: Target, runner: Runner, tell: Callable[[str], None]) -> None:
    path = loader.disk.path
    if loader.esp is None:
        tell(f"{path}: no EFI system partition, so nothing for UEFI")
        return
    node = target.device(loader.esp)
    if runner.run(["mdir", "-i", node, "::/"], check=False).status != 0:
        identity = _esp_id(root)
        disks.make_filesystem(MakeFilesystem(device=loader.esp, fstype="vfat", uuid=identity, label="XEN-ESP"), target, runner)
        tell(f"{path}: the EFI system partition had no file system: made anew")
    uefi_boot.fill(esp_filling(loader.esp, host.uuid), node, root, runner)
    tell(f"{path}: EFI system partition filled and read back")
    if _EFI.is_dir() and not loader.disk.image:
        label = "Xen host" if loader.disk.key == "system" else "Xen host (mirror)"
        entry = RegisterBootEntry(disk=loader.disk.key, partition=loader.esp.number, label=label)
        tell(uefi_boot.register(entry, loader.disk, runner) or f"{path}: the firmware has its boot entry")


def _check(host: Host, root: Path) -> None:
    """Debian's GRUB and Xen, as our hosts have them, or nothing is touched."""
    for path in ("/usr/bin/grub-mkimage", "/usr/lib/grub/i386-pc/boot.img", "/usr/lib/shim/shimx64.efi.signed"):
        if not inside(root, path).exists():
            raise NotRepairable(
                f"{host.place} lacks {path}: its boot loader is not the one that xeninstall installs",
                hint="open a shell in it and use its own tools; nothing was written",
            )


def _esp_id(root: Path) -> str:
    """The volume id that the host's fstab looks for."""
    fstab = inside(root, "/etc/fstab")
    text = fstab.read_text(errors="replace") if fstab.is_file() else ""
    found = re.search(r"^UUID=([0-9A-F]{4}-[0-9A-F]{4})\s+/boot/efi\s", text, re.MULTILINE | re.IGNORECASE)
    return found[1].upper() if found else secrets.token_hex(4).upper()


def _ground(host: Host, runner: Runner) -> tuple[list[_Loader], Ground]:
    if host.fstype != "ext4":
        raise NotRepairable(
            f"{host.place} is {host.fstype}: not a root file system that xeninstall makes",
            hint="open a shell in it and use its own tools; nothing was written",
        )
    keys = ("system", "mirror", *(f"disk{number}" for number in range(3, 10)))
    planned: list[PlannedDisk] = []
    loaders: list[_Loader] = []
    partitions: dict[tuple[str, int], Partition] = {}
    root: ArrayOf | PartitionOf | None = ArrayOf(name="root") if host.array else None
    for key, path in zip(keys, host.disks, strict=False):
        parts = table(path, runner)
        if not parts:
            raise NotRepairable(
                f"{path} has no partition table that can be read",
                hint="restore it, as with gdisk from its backup; nothing was written",
            )
        disk = PlannedDisk(key=key, path=path, identity=path, size_bytes=_size(path, runner), image=not is_disk(path))
        planned.append(disk)
        known = {part.number: plan for part in parts if (plan := _partition(part)) is not None}
        partitions |= {(key, number): part for number, part in known.items()}
        bios = next((part for part in known.values() if part.type is PartitionType.BIOS_BOOT), None)
        esp = next((number for number, part in known.items() if part.type is PartitionType.ESP), None)
        loaders.append(_Loader(disk, bios, PartitionOf(disk=key, number=esp) if esp else None))
        if root is None:
            number = next((part.number for part in parts if _is_root(host, path, part)), None)
            root = PartitionOf(disk=key, number=number) if number in known else None
    if root is None:
        raise NotRepairable(
            f"{host.place} does not lie on a partition or an array of its own", hint="open a shell in it and use its own tools"
        )
    arrays = {"root": host.node} if host.array else {}
    if host.array:
        # It was assembled read-only, to be looked at.
        runner.run(["mdadm", "--readwrite", host.node], check=False)
    return loaders, Ground(tuple(planned), root, host.uuid, partitions, arrays=arrays)


def _is_root(host: Host, disk: str, part: Part) -> bool:
    if not host.node:
        return part.start_bytes == host.start_bytes
    return host.node in (f"{disk}{part.number}", f"{disk}p{part.number}")


def _partition(part: Part) -> Partition | None:
    try:
        kind = PartitionType(part.type)
    except ValueError:
        return None
    return Partition(
        number=part.number, name=part.name, type=kind, uuid=part.uuid, start_bytes=part.start_bytes, size_bytes=part.size_bytes
    )


def _size(path: str, runner: Runner) -> int:
    if Path(path).is_file():
        return Path(path).stat().st_size
    return int(runner.run(["blockdev", "--getsize64", path]).stdout)
