"""Processors are counted from /proc/cpuinfo, or by Xen in dom0."""

from xeninstall.machine.cpu import cpu
from xeninstall.machine.xen import Xen

from .computer import Computer


def test_sockets_cores_and_threads_are_counted(computer: Computer) -> None:
    computer.cpu("X", "GenuineIntel", "vmx", sockets=2, cores=8, threads=16)
    found = cpu(computer.look())
    assert (found.sockets, found.cores, found.threads, found.vendor) == (2, 8, 16, "GenuineIntel")


def test_in_dom0_xen_counts(computer: Computer) -> None:
    computer.cpu("X", "AuthenticAMD", "", threads=4, cores=4)
    found = cpu(computer.look(), Xen({"nr_cpus": "64", "threads_per_core": "2", "cores_per_socket": "16"}, ""))
    assert (found.sockets, found.cores, found.threads) == (2, 32, 64)


def test_nonsense_from_xl_counts_nothing(computer: Computer) -> None:
    computer.cpu("X", "AuthenticAMD", "", threads=4, cores=4)
    assert cpu(computer.look(), Xen({"nr_cpus": "-3", "threads_per_core": "many"}, "")).threads == 4


def test_an_unreadable_cpuinfo_is_noted(computer: Computer) -> None:
    look = computer.look()
    assert cpu(look).model == "unknown"
    assert look.notes == ["CPU not seen: /proc/cpuinfo: No such file or directory"]


def test_a_model_that_is_no_utf8_is_shown_harmlessly(computer: Computer) -> None:
    computer.file("/proc/cpuinfo", b"processor\t: 0\nvendor_id\t: X\nmodel name\t: Bad\xff\x1b[31m CPU\nflags\t\t: vmx\n")
    assert cpu(computer.look()).model == "Bad? [31m CPU"
