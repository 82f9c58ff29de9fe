"""The hardware inventory becomes a machine of the same size."""

from dataclasses import replace

import pytest

from p2v.vm.from_machine import from_machine
from p2v.vm.model import Nic, VirtualMachine, from_json, to_json, xen_name
from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import GIB, MIB

from .machines import RECORDED, recorded, vm_of


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_every_recorded_machine_has_a_valid_twin(name: str) -> None:
    machine = recorded(name)
    vm = vm_of(name)
    vm.check()
    assert from_json(to_json(vm)) == vm
    assert vm.vcpus == min(machine.cpu.threads, 64)
    assert 0 <= vm.memory_bytes - machine.memory_bytes < 64 * MIB
    assert vm.uefi == (machine.firmware.mode == "uefi")
    assert sorted(nic.mac for nic in vm.nics) == sorted(nic.mac.lower() for nic in machine.nics)
    assert vm.origin.startswith("converted by p2v from ")


def test_a_huge_machine_is_cut_down_and_says_so() -> None:
    machine = recorded("qemu-virtio")
    cpu = machine.cpu.model_copy(update={"sockets": 4, "cores": 128, "threads": 256})
    huge = machine.model_copy(update={"cpu": cpu, "memory_bytes": 2048 * GIB})
    vm = from_machine(huge, "old", ())
    assert (vm.vcpus, vm.memory_bytes) == (64, 256 * GIB)
    assert vm.remarks == (
        "the machine has 256 threads; the virtual machine gets 64 vCPUs",
        "the machine has 2048 GiB of memory; the virtual machine gets 256 GiB",
    )


def test_cards_go_to_the_bridges_that_are_named_for_them() -> None:
    machine = recorded("ten-nics")
    first, second, *_ = sorted(machine.nics, key=lambda nic: (nic.pci, nic.name))
    vm = from_machine(machine, "old", (), bridges={first.name: "dmz", second.mac.lower(): "lan"})
    assert [nic.bridge for nic in vm.nics] == ["dmz", "lan", *["xenbr0"] * (len(machine.nics) - 2)]


@pytest.mark.parametrize(
    ("vm", "message"),
    [
        (VirtualMachine('a"\nkernel="/x'), "is not a name for a virtual machine"),
        (VirtualMachine("old", nics=(Nic("52:54:00:aa:00:01,script=/x"),)), "is not a MAC address"),
        (VirtualMachine("old", nics=(Nic("52:54:00:aa:00:01", "br0,script=/x"),)), "is not the name of a bridge"),
        (VirtualMachine("old", card="e1000,script=/x"), "is not a network card that is emulated"),
        (VirtualMachine("old", memory_bytes=0), "2 vCPUs and 0 MiB are not a virtual machine"),
        (VirtualMachine("old", sockets=0), "0 vCPUs and 2048 MiB are not a virtual machine"),
    ],
)
def test_what_would_say_more_than_it_should_is_refused(vm: VirtualMachine, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        vm.check()
    replace(vm, name="old", nics=(), memory_bytes=GIB, sockets=1, card="e1000").check()


def test_disks_are_named_beyond_the_alphabet() -> None:
    assert [xen_name(number) for number in (0, 25, 26, 27, 52)] == ["xvda", "xvdz", "xvdaa", "xvdab", "xvdba"]
