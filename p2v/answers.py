"""The [convert] answers → what is asked of the engine: which disks, which request, which machine in the end.

Pure but for the look at names of disks. What the answers themselves say, and may say, is `xeninstall.answers.convert`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xeninstall.answers.model import Convert, Source, XenMode
from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.machine.model import Disk, Machine, Reason

from .driver_packages import packages
from .guest.model import Card
from .repaired import Wishes
from .request import Request
from .target.password import read_password
from .vm.model import Mode, VirtualMachine

# Nobody means to convert these: what the medium runs from, one path of several, a drive without a disk in it.
_NEVER = (Reason.BOOT_MEDIUM, Reason.MULTIPATH_MEMBER, Reason.NO_MEDIUM)


def disks_of(convert: Convert, machine: Machine | None, *, keep: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The disks' paths, in the machine's order; `keep` are disks that hold the target. Raises UsageError, RequirementError."""
    if convert.source:
        return tuple(_named(source, machine) for source in convert.source)
    if machine is None:
        raise UsageError("no disk is named, and the machine is not known", hint="name disks by [[convert.source]]")
    found = tuple(disk.path for disk in built_in(machine) if disk.path not in keep)
    if not found:
        raise RequirementError(
            "this machine has no disk that could be converted", hint="load the driver of its controller, or name the disks"
        )
    return found


def built_in(machine: Machine) -> Iterator[Disk]:
    """The disks that are converted when nobody names some: all but sticks, discs and what the medium runs from."""
    for disk in machine.disks:
        if disk.size_bytes and not disk.removable and disk.bus != "usb" and convertible(disk):
            yield disk


def convertible(disk: Disk) -> bool:
    """Whether it can be chosen at all."""
    return all(obstacle.reason not in _NEVER for obstacle in disk.obstacles)


def _named(source: Source, machine: Machine | None) -> str:
    if source.path is not None:
        return source.path
    key, value = ("serial", source.serial) if source.serial is not None else ("wwn", source.wwn)
    fits = [disk.path for disk in (machine.disks if machine is not None else ()) if getattr(disk, key) == value]
    if len(fits) != 1:
        what = "no disk" if not fits else f"{len(fits)} disks"
        raise RequirementError(f"{what} with the {key} {value}", hint="`xeninstall probe` lists them")
    return fits[0]


def request_of(convert: Convert, disks: tuple[str, ...], folder: str) -> Request:
    """What the engine is asked for, with the images in this folder."""
    return Request(
        disks=disks,
        to=folder,
        format=convert.format.value,
        compress=convert.compress,
        name=convert.name or "",
        limit=convert.limit,
        drop=tuple(one.value for one in convert.drop),
    )


def bridges_of(convert: Convert, machine: Machine | None) -> dict[str, str]:
    """Card → bridge, `*` for all others. Raises UsageError for a card that the machine has not."""
    known = {name for nic in (machine.nics if machine is not None else ()) for name in (nic.name, nic.mac.lower())}
    found = {"*": convert.bridge}
    for one in convert.nics:
        if machine is not None and one.nic not in known:
            raise UsageError(
                f"convert.nics names {one.nic}, and this machine has no such card", hint=f"it has {', '.join(sorted(known))}"
            )
        found[one.nic] = one.bridge
    return found


def cards_of(machine: Machine | None) -> tuple[Card, ...]:
    """The machine's network cards, as repairs want them."""
    return tuple(Card(nic.mac.lower(), nic.name, nic.pci) for nic in machine.nics) if machine is not None else ()


def wishes_of(convert: Convert, machine: Machine | None) -> Wishes:
    """What repairs are given. Raises UsageError for a passphrase or a driver package that cannot be read."""
    passphrases = tuple(read_password(f"file:{path}", "passphrase", "convert.unlock") for path in convert.unlock)
    return Wishes(cards_of(machine), packages(convert.drivers), convert.drop_hibernation, passphrases, mode_of(convert))


def as_answered(vm: VirtualMachine, convert: Convert) -> VirtualMachine:
    """The machine with the processors and the memory that were asked for."""
    if convert.vcpus != "auto":
        vm = replace(vm, sockets=1, cores=convert.vcpus, threads=1)
    if convert.memory != "auto":
        vm = replace(vm, memory_bytes=convert.memory)
    return vm


def mode_of(convert: Convert) -> Mode | None:
    """How Xen shall run it; None for the best that the host can."""
    return None if convert.mode is XenMode.AUTO else Mode(convert.mode.value)


def disks_under(path: str, machine: Machine | None) -> tuple[str, ...]:
    """The machine's disks that a folder lies on: they cannot be converted into themselves."""
    try:
        device = Path(path).stat().st_dev
    except OSError:
        return ()
    found = []
    for disk in machine.disks if machine is not None else ():
        for node in (disk.path, *(content.path for content in disk.contents)):
            try:
                if Path(node).stat().st_rdev == device:
                    found.append(disk.path)
            except OSError:
                continue
    return tuple(dict.fromkeys(found))
