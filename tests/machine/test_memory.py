"""Memory is what is fitted, not what the kernel left over."""

from xeninstall.machine.memory import memory_bytes
from xeninstall.machine.xen import Xen

from .computer import GIB, Computer


def test_a_machine_with_two_gib_has_two_gib(computer: Computer) -> None:
    computer.memory(2)
    assert memory_bytes(computer.look()) == 2 * GIB


def test_without_memory_blocks_the_kernels_total_counts(computer: Computer) -> None:
    computer.file("/proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 1 kB\nBuffers: 0 kB\nCached: 0 kB\n")
    assert memory_bytes(computer.look()) == 2000000 * 1024


def test_blocks_that_mean_something_else_are_not_believed(computer: Computer) -> None:
    computer.memory(64)
    computer.file("/proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 1 kB\nBuffers: 0 kB\nCached: 0 kB\n")
    assert memory_bytes(computer.look()) == 2000000 * 1024


def test_in_dom0_xen_says_how_much_there_is(computer: Computer) -> None:
    computer.memory(4)
    assert memory_bytes(computer.look(), Xen({"total_memory": "65536"}, "")) == 64 * GIB


def test_unreadable_memory_is_noted_and_not_fatal(computer: Computer) -> None:
    look = computer.look()
    assert memory_bytes(look) == 0
    assert look.notes and "/proc/meminfo" in look.notes[0]
    computer.file("/proc/meminfo", "garbage\n")
    assert memory_bytes(computer.look()) == 0
