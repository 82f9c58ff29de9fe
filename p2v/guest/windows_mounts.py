"""Disks → the Windows systems on them, with what their repairs have to know of boot sectors and EFI system partitions."""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xeninstall.base.run import Runner

from ..layout.model import Kind
from .apply import RepairError
from .esp import staged
from .loops import loop_device
from .slots import Slot
from .tree import MAX_BYTES
from .windows.esp_loader import LOADERS, MANAGER
from .windows.inspect import inspect
from .windows.model import Package, Windows
from .windows.repair import Report, make_on_volume, on_esp, patches, plan_repairs
from .windows.volume import mounted

_OF_MBR = re.compile(r"[0-9a-f]{8}-\d\d")  # a PARTUUID: the disk's signature, and the number


@dataclass(frozen=True)
class WindowsFound:
    """A system, where it is, and whether something of it still waits in hiberfil.sys."""

    slot: Slot
    guest: Windows
    hibernated: bool
    esp: Slot | None


def find_windows(
    slots: Sequence[Slot], disks: Sequence[Path], disk_bytes: Sequence[int], packages: tuple[Package, ...], runner: Runner
) -> tuple[list[WindowsFound], list[str]]:
    """The systems on the disks, and what could not be looked into. Nothing is written."""
    found, remarks = [], []
    for slot in slots:
        if slot.kind is not Kind.NTFS:
            continue
        try:
            one = _look(slot, slots, disks, disk_bytes, runner)
        except RepairError as error:
            remarks.append(f"{slot.title}: {error.message}")
            continue
        if one is not None:
            found.append(replace(one, guest=replace(one.guest, packages=packages)))
    return found, remarks


def repair_windows(found: WindowsFound, disks: Sequence[Path], runner: Runner, *, drop_hibernation: bool = False) -> Report:
    """Repair one, in the overlays. Raises RepairError."""
    report = plan_repairs(found.guest)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"p2v-windows-{os.getpid()}-")))
        device = loop_device(found.slot, disks, runner, stack)
        with mounted(device, folder, runner, writable=True, drop_hibernation=drop_hibernation) as volume:
            done = make_on_volume(report, volume, runner)
    disk, extent = found.slot.places[0]
    for patch in patches(report):
        with disks[disk].open("r+b") as file:
            file.seek(extent.start + patch.offset)
            file.write(patch.data)
    wanted = on_esp(report)
    if wanted and found.esp is not None:
        esp_disk, esp_extent = found.esp.places[0]
        with staged(disks[esp_disk], esp_extent, runner) as esp:
            for change in wanted:
                path = _beside(esp.folder, change.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(change.data)
            esp.put_back()
    return done


def _look(
    slot: Slot, slots: Sequence[Slot], disks: Sequence[Path], disk_bytes: Sequence[int], runner: Runner
) -> WindowsFound | None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"p2v-windows-{os.getpid()}-")))
        device = loop_device(slot, disks, runner, stack)
        with mounted(device, folder, runner) as volume:
            guest = inspect(volume)
            if guest is None:
                return None
            hibernated = volume.hibernated
    disk, extent = slot.places[0]
    with disks[disk].open("rb") as file:
        file.seek(extent.start)
        sector = file.read(512)
    esp, files = _esp_of(slot, slots, disks, runner)
    guest = replace(guest, esp=files, boot_sector=sector, disk_bytes=disk_bytes[disk], uefi=esp is not None)
    return WindowsFound(slot, guest, hibernated, esp)


def _esp_of(slot: Slot, slots: Sequence[Slot], disks: Sequence[Path], runner: Runner) -> tuple[Slot | None, dict[str, bytes]]:
    """The EFI system partition that starts this Windows, and what repairs ask for on it."""
    own, others = list[Slot](), list[Slot]()
    for other in slots:
        if other.kind is Kind.FAT and other.volume.role == "EFI system":
            (own if other.places[0][0] == slot.places[0][0] else others).append(other)
    held = [(esp, _esp_files(esp, disks, runner)) for esp in own]
    # On a disk with an MBR it was started by BIOS, whatever starts the systems of other disks.
    for esp in others if not _OF_MBR.fullmatch(slot.named.partuuid) else ():
        # Nothing that is wrong with another system's stands in this one's way.
        with suppress(RepairError):
            files = _esp_files(esp, disks, runner)
            held += [(esp, files)] if MANAGER in files else []
    return min(held, key=lambda one: MANAGER not in one[1], default=(None, {}))


def _esp_files(slot: Slot, disks: Sequence[Path], runner: Runner) -> dict[str, bytes]:
    disk, extent = slot.places[0]
    with staged(disks[disk], extent, runner) as esp:
        found = {f"/{path.relative_to(esp.folder)}".upper(): path for path in esp.folder.rglob("*") if path.is_file()}
        return {name: path.read_bytes() for name, path in found.items() if name in LOADERS and path.stat().st_size <= MAX_BYTES}


def _beside(root: Path, path: str) -> Path:
    """The place of a path in a folder of which the names may have other cases."""
    place = root
    for part in path.strip("/").split("/"):
        names = {one.name.upper(): one.name for one in place.iterdir()} if place.is_dir() else {}
        place = place / names.get(part.upper(), part)
    return place
