"""What the systems on some disks are made of, each with the place where it is: what inspection tells beyond their names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xeninstall.base.run import Runner

from .guest.model import Guest, Kernel
from .guest.repair import guest_json
from .guest.tree import printable
from .guest.windows.repair import guest_json as windows_json
from .layout.model import Kind
from .repaired import Wishes, systems_on
from .target.password import Password


@dataclass(frozen=True)
class Inspected:
    """One system: `disk` counts from 0; `lines` are for people, `facts` for programs."""

    disk: int
    volume: str
    family: str  # `linux`, `windows`
    name: str
    version: str
    lines: tuple[str, ...]
    facts: dict[str, object]


@dataclass(frozen=True)
class Inspection:
    """Every system, what could not be looked into, and the LUKS volumes that no passphrase opened, each by its disk and name."""

    systems: tuple[Inspected, ...] = ()
    remarks: tuple[str, ...] = ()
    locked: tuple[tuple[int, str], ...] = ()


def inspected(
    disks: Sequence[str], passphrases: tuple[Password, ...], runner: Runner, *, allow_mounted: bool = False
) -> Inspection:
    """Every root that is found, those in encrypted volumes that a passphrase opens among them. Raises Error."""
    with systems_on(disks, Wishes(passphrases=passphrases), runner, allow_mounted=allow_mounted) as found:
        told = []
        for one in found.windows:
            facts = windows_json(one.guest)
            lines: tuple[str, ...] = (f"{one.guest.architecture}, {facts['firmware']}",)
            version = str(facts["version"])
            told.append(Inspected(one.slot.named.disk, one.slot.volume.name, "windows", one.guest.name, version, lines, facts))
        for first in found.linux:
            for each in (first, *first.beside):
                volume = f"{each.slot.volume.name}, subvolume {each.subvolume}" if first.beside else each.slot.volume.name
                guest = each.guest
                lines = tuple(map(printable, _lines(guest)))
                told.append(
                    Inspected(
                        each.slot.named.disk, printable(volume), "linux", guest.name, guest.version, lines, guest_json(guest)
                    )
                )
        locked = tuple((slot.named.disk, slot.volume.name) for slot in found.closed if slot.kind is Kind.LUKS)
        return Inspection(tuple(sorted(told, key=lambda one: one.disk)), found.remarks, locked)


def _lines(guest: Guest) -> Iterator[str]:
    yield f"{guest.architecture}, {guest.firmware}, init {guest.init}, packages by {guest.package_manager}"
    yield f"boot loader: {', '.join(guest.loaders) or 'none known'}; initramfs by {guest.initramfs_tool}"
    for kernel in guest.kernels:
        yield f"kernel {kernel.version}{_about(kernel)}"
    if guest.networks:
        yield f"network: {', '.join(guest.networks)}"


def _about(kernel: Kernel) -> str:
    return f" ({'listed' if kernel.listed else 'not in the boot menu'}{'' if kernel.initramfs else ', without an initramfs'})"
