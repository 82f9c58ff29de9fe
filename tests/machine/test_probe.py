"""The probe as a whole: on an empty machine, on nonsense, and on the machine that runs the test."""

import time

from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Machine, Reason, Verdict
from xeninstall.machine.probe import probe
from xeninstall.machine.show import show

from .computer import Computer


def test_a_machine_that_shows_nothing_is_probed_without_a_crash(computer: Computer) -> None:
    computer.runner.answers.clear()
    machine = computer.probe()
    assert machine.cpu.virtualization.verdict is Verdict.UNKNOWN
    assert not (machine.disks or machine.nics or machine.controllers)
    seen = " ".join(machine.notes)
    assert all(
        thing in seen
        for thing in ("CPU not seen", "memory not seen", "disks not seen", "default route not seen", "mounts not seen")
    )
    assert show(machine)


def test_a_machine_that_talks_nonsense_is_probed_without_a_crash(computer: Computer) -> None:
    for path in (
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/proc/cmdline",
        "/proc/misc",
        "/proc/mdstat",
        "/proc/self/mountinfo",
        "/sys/class/dmi/id/sys_vendor",
        "/sys/class/net/eth0/type",
        "/sys/bus/pci/devices/x/class",
        "/sys/devices/system/memory/block_size_bytes",
        "/sys/hypervisor/type",
    ):
        computer.file(path, b"\xff\x00\x1b[31m: \n - \n\n: :" * 50)
    for begin in computer.runner.answers:
        computer.command(begin, "\x00 nonsense {")
    machine = computer.probe()
    assert Machine.from_json(machine.to_json()) == machine
    assert show(machine).isascii()


def test_this_machine_is_probed_and_its_own_system_is_never_offered() -> None:
    machine = probe(SystemRunner())
    assert machine.cpu.threads > 0 and machine.memory_bytes > 2**28
    assert Machine.from_json(machine.to_json()) == machine
    assert show(machine).isascii()
    for disk in machine.disks:
        if any("/" in content.mountpoints for content in disk.contents):
            assert disk.obstacles[0].reason in (Reason.RUNNING_SYSTEM, Reason.BOOT_MEDIUM)


def test_a_probe_of_this_machine_is_quick() -> None:
    probe(SystemRunner())  # the first one loads psutil, netifaces and the disk cache
    started = time.monotonic()
    probe(SystemRunner())
    # Measured 0.05 to 0.1 s; the rest is for a busy test machine.
    assert time.monotonic() - started < 1.0
