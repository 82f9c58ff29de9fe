"""The definition of the virtual machine, within an image that holds one, and as files beside the others."""

from collections.abc import Callable, Mapping

from xeninstall.base.events import Note
from xeninstall.machine.model import Machine

from .guest.model import Traits
from .guest.traits import with_traits
from .request import Request, goals
from .vm.from_machine import from_machine
from .vm.libvirt import libvirt_xml
from .vm.model import DiskImage, Mode, VirtualMachine, to_json
from .vm.xl import xl_config

Shape = Callable[[VirtualMachine], VirtualMachine]


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
    """`NAME.cfg` for xl and `NAME.xml` for libvirt, in the folder of the images. Raises UsageError."""
    return write_files(with_traits(of_images(machine, request, bridges, uuid), traits), request, mode)


def write_files(vm: VirtualMachine, request: Request, mode: Mode = Mode.HVM) -> list[Note]:
    """The definitions of this machine, in the folder of the images. Raises UsageError."""
    first = goals(request)[0].path
    if first is None:
        return []
    notes = []
    for suffix, content in (("cfg", xl_config(vm, mode)), ("xml", libvirt_xml(vm))):
        path = first.parent / f"{vm.name}.{suffix}"
        path.write_text(content)
        notes.append(Note(f"defined in {path}"))
    return notes


def of_images(machine: Machine, request: Request, bridges: Mapping[str, str], uuid: str) -> VirtualMachine:
    """The machine with the images as its disks."""
    form = request.image_format.qemu_driver or "raw"
    disks = tuple(DiskImage(str(goal.path.absolute()), form) for goal in goals(request) if goal.path is not None)
    return from_machine(machine, request.name, disks, bridges=bridges, uuid=uuid)
