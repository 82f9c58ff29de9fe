"""The definition of the virtual machine, within an image that holds one, and as files beside the others."""

import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from xeninstall.base.errors import UsageError
from xeninstall.base.events import Note
from xeninstall.machine.model import Machine

from .beside import write_beside
from .guest.model import Traits
from .guest.traits import with_traits
from .request import Request, goals
from .vm import libvirt, xl
from .vm.from_machine import from_machine
from .vm.model import DiskImage, Mode, VirtualMachine, to_json

Shape = Callable[[VirtualMachine], VirtualMachine]


class _Host(NamedTuple):
    """A program that runs machines: its name, the suffix of its definitions, QEMU's words for the disks that it runs."""

    name: str
    suffix: str
    formats: Collection[str]
    write: Callable[[VirtualMachine, Mode], str]


_HOSTS = (
    _Host("xl", "cfg", xl.FORMATS, xl.xl_config),
    _Host("libvirt", "xml", libvirt.FORMATS, lambda vm, _: libvirt.libvirt_xml(vm)),
)


def as_it_is(vm: VirtualMachine) -> VirtualMachine:
    """The shape of the machine that the disks come from."""
    return vm


def definition(machine: Machine, request: Request, bridges: Mapping[str, str], shape: Shape = as_it_is) -> str:
    """As JSON, for an ova or xva, which tells of its disks itself. Raises UsageError."""
    vm = shape(from_machine(machine, request.name, (), bridges=bridges))
    vm.check()
    return to_json(vm)


def write_definitions(
    machine: Machine, request: Request, bridges: Mapping[str, str], uuid: str, traits: Traits | None, mode: Mode = Mode.HVM
) -> list[Note]:
    """`NAME.cfg` for xl and `NAME.xml` for libvirt, where they can run it, in the images' folder. Raises UsageError."""
    return write_files(with_traits(of_images(machine, request, bridges, uuid), traits), request, mode)


def write_files(vm: VirtualMachine, request: Request, mode: Mode = Mode.HVM) -> list[Note]:
    """The definitions of this machine, in the folder of the images, and which there is none of. Raises UsageError."""
    first = goals(request)[0].path
    if first is None:
        return []
    able, notes = _able(request), []
    for host in able:
        path = _definition_of(first, vm, host)
        write_beside(path, host.write(vm, mode), "the images are complete: make room there, then go on with --resume")
        notes.append(Note(f"defined in {path}"))
    missing = " or ".join(host.name for host in _HOSTS if host not in able)
    if missing:
        why = f"no definition for {missing} was written, since it cannot run {request.format}: {_instead(request)}"
        notes.append(Note(why, warning=True))
    return notes


def check_definable(request: Request) -> None:
    """Whether some host runs a machine from these images. Raises UsageError."""
    if not _able(request):
        names = " nor ".join(host.name for host in _HOSTS)
        hint = f"leave --define out; {_instead(request)}"
        raise UsageError(f"neither {names} runs a machine from {request.format}", hint=hint)


def how_to_start(vm: VirtualMachine, request: Request) -> str:
    """A command, or what else is done with the images. Raises UsageError."""
    first, able = goals(request)[0].path, _able(request)
    if first is None or not able:
        return _instead(request)
    path = str(_definition_of(first, vm, able[0]))
    if able[0].name == "xl":
        return shlex.join(("xl", "create", path))
    return f"{shlex.join(('virsh', 'define', path))} && {shlex.join(('virsh', 'start', vm.name))}"


def _able(request: Request) -> list[_Host]:
    return [host for host in _HOSTS if _disk_format(request) in host.formats]


def _definition_of(first: Path, vm: VirtualMachine, host: _Host) -> Path:
    return first.parent / f"{vm.name}.{host.suffix}"


def _instead(request: Request) -> str:
    return request.image_format.instead.format(path=shlex.quote(str(goals(request)[0].path or "FILE")))


def _disk_format(request: Request) -> str:
    """QEMU's word for each image as a disk; an archive is none."""
    form = request.image_format
    return request.format if form.holds_many else form.qemu_driver or request.format


def of_images(machine: Machine, request: Request, bridges: Mapping[str, str], uuid: str) -> VirtualMachine:
    """The machine with the images as its disks."""
    form = _disk_format(request)
    disks = tuple(DiskImage(str(goal.path.absolute()), form) for goal in goals(request) if goal.path is not None)
    return from_machine(machine, request.name, disks, bridges=bridges, uuid=uuid)
