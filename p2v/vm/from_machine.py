"""The hardware inventory → the virtual machine that takes its place."""

from collections.abc import Mapping

from xeninstall.base.sizes import GIB, MIB
from xeninstall.machine.model import FirmwareMode, Machine

from .model import DiskImage, Nic, VirtualMachine

MOST_VCPUS = 64  # more than that is seldom wanted of one guest, and some hosts refuse it
MOST_MEMORY_BYTES = 256 * GIB
_MEMORY_STEP = 64 * MIB
DEFAULT_BRIDGE = "xenbr0"


def from_machine(
    machine: Machine,
    name: str,
    disks: tuple[DiskImage, ...],
    *,
    bridges: Mapping[str, str] | None = None,
    origin: str = "",
    uuid: str = "",
) -> VirtualMachine:
    """The same processors, memory, firmware and cards. `bridges` maps a card's name or MAC address to a bridge of the host."""
    chosen = bridges or {}
    remarks = []
    cpu = machine.cpu
    sockets = max(cpu.sockets, 1)
    cores = max(cpu.cores // sockets, 1)
    threads = max(cpu.threads // max(cpu.cores, 1), 1)
    if sockets * cores * threads != cpu.threads:
        # Processors with cores of two kinds: no topology of one kind gives their number.
        sockets, cores, threads = 1, max(cpu.threads, 1), 1
    if sockets * cores * threads > MOST_VCPUS:
        remarks.append(f"the machine has {cpu.threads} threads; the virtual machine gets {MOST_VCPUS} vCPUs")
        sockets, cores, threads = 1, MOST_VCPUS, 1
    # What firmware and the kernel keep for themselves is missing in the sum; it is given back.
    memory = -(-machine.memory_bytes // _MEMORY_STEP) * _MEMORY_STEP
    if memory > MOST_MEMORY_BYTES:
        remarks.append(f"the machine has {memory // GIB} GiB of memory; the virtual machine gets {MOST_MEMORY_BYTES // GIB} GiB")
        memory = MOST_MEMORY_BYTES
    nics = tuple(
        Nic(nic.mac.lower(), chosen.get(nic.name) or chosen.get(nic.mac.lower()) or chosen.get("*") or DEFAULT_BRIDGE)
        for nic in sorted(machine.nics, key=lambda nic: (nic.pci, nic.name))
    )
    return VirtualMachine(
        name=name,
        sockets=sockets,
        cores=cores,
        threads=threads,
        memory_bytes=memory,
        uefi=machine.firmware.mode is FirmwareMode.UEFI,
        disks=disks,
        nics=nics,
        uuid=uuid,
        origin=origin or _origin(machine),
        remarks=tuple(remarks),
    )


def _origin(machine: Machine) -> str:
    firmware = machine.firmware
    known = [part for part in (firmware.system_vendor, firmware.system_product) if part]
    serial = f", serial {firmware.system_serial}" if firmware.system_serial else ""
    text = f"converted by p2v from {' '.join(known) or 'a physical machine'}{serial}"
    return "".join(sign for sign in text if sign.isprintable())[:200]
