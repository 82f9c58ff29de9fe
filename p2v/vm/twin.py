"""The twin of a machine for a trial start: small, without network cards, on copies of the machine's disks.

The old machine goes on running in the same network: two of one address would disturb each other.
"""

from dataclasses import replace

from xeninstall.base.sizes import GIB

from .model import DiskImage, VirtualMachine

MOST_MEMORY_BYTES, MOST_VCPUS = 4 * GIB, 2  # enough to start, whatever the machine shall have


def twin_of(vm: VirtualMachine, name: str, disks: tuple[DiskImage, ...]) -> VirtualMachine:
    """It has an identity of its own."""
    memory, cores = min(vm.memory_bytes, MOST_MEMORY_BYTES), min(vm.vcpus, MOST_VCPUS)
    return replace(vm, name=name, uuid="", nics=(), disks=disks, sockets=1, cores=cores, threads=1, memory_bytes=memory)
