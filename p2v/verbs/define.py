"""The definition of the virtual machine, within an image that holds one, and as files beside the others."""

from collections.abc import Mapping
from dataclasses import replace

from xeninstall.base.events import Note
from xeninstall.machine.model import Machine

from ..guest.model import Traits
from ..request import Request, goals
from ..vm.from_machine import from_machine
from ..vm.libvirt import libvirt_xml
from ..vm.model import DiskImage, VirtualMachine, to_json
from ..vm.xl import xl_config


def definition(machine: Machine, request: Request, bridges: Mapping[str, str]) -> str:
    """As JSON, for an ova or xva, which tells of its disks itself. Raises UsageError."""
    vm = from_machine(machine, request.name, (), bridges=bridges)
    vm.check()
    return to_json(vm)


def write_definitions(
    machine: Machine, request: Request, bridges: Mapping[str, str], uuid: str, traits: Traits | None
) -> list[Note]:
    """`NAME.cfg` for xl and `NAME.xml` for libvirt, in the folder of the images. Raises UsageError."""
    vm = of_images(machine, request, bridges, uuid)
    if traits is not None:
        # The medium may have been started otherwise than the system itself.
        vm = replace(vm, uefi=traits.uefi, windows=traits.windows, local_time=traits.local_time)
    first = goals(request)[0].path
    if first is None:
        return []
    notes = []
    for suffix, content in (("cfg", xl_config(vm)), ("xml", libvirt_xml(vm))):
        path = first.parent / f"{vm.name}.{suffix}"
        path.write_text(content)
        notes.append(Note(f"defined in {path}"))
    return notes


def of_images(machine: Machine, request: Request, bridges: Mapping[str, str], uuid: str) -> VirtualMachine:
    """The machine with the images as its disks."""
    form = request.image_format.qemu_driver or "raw"
    disks = tuple(DiskImage(str(goal.path.absolute()), form) for goal in goals(request) if goal.path is not None)
    return from_machine(machine, request.name, disks, bridges=bridges, uuid=uuid)
