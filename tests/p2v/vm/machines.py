"""Recorded machines as the virtual machines that stand in for them."""

from pathlib import Path

from p2v.vm.from_machine import from_machine
from p2v.vm.model import DiskImage, VirtualMachine
from xeninstall.machine.model import Machine

RECORDED = Path(__file__).parent.parent.parent / "data" / "machines"
UUID = "c8a5e3b0-6f0e-4f0b-9d55-0c1b2a3d4e5f"


def recorded(name: str) -> Machine:
    """A machine of tests/data/machines."""
    return Machine.from_json((RECORDED / f"{name}.json").read_text())


def vm_of(name: str, disks: int = 2) -> VirtualMachine:
    """Its virtual machine, with as many disks."""
    images = tuple(
        DiskImage(f"/dev/xenvg/old-{number}" if number else "/srv/vm/old, first.qcow2", "raw" if number else "qcow2")
        for number in range(disks)
    )
    return from_machine(recorded(name), "old-server", images, bridges={"*": "br0"}, uuid=UUID)
