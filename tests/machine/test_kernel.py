"""What the running kernel can do for an installation."""

from xeninstall.machine.kernel import kernel
from xeninstall.machine.xen import Xen

from .computer import Computer


def test_modules_that_can_be_loaded_count(computer: Computer) -> None:
    computer.command(["modprobe", "-n", "-q", "dm_mod"], "")
    found = kernel(computer.look())
    assert (found.device_mapper, found.md) == (True, False)
    computer.command(["modprobe", "-n"], "")
    assert kernel(computer.look()).md


def test_what_is_built_in_or_loaded_counts_without_modprobe(computer: Computer) -> None:
    del computer.runner.answers["modprobe", "-n"]
    computer.file("/proc/misc", "235 autofs\n236 device-mapper\n")
    computer.file("/proc/mdstat", "Personalities : [raid0] [raid1]\n")
    found = kernel(computer.look())
    assert (found.device_mapper, found.md) == (True, True)


def test_md_without_its_mirror_personality_makes_no_mirrors(computer: Computer) -> None:
    computer.file("/proc/mdstat", "Personalities : [linear]\n")
    assert not kernel(computer.look()).md


def test_a_kernel_with_neither_says_so(computer: Computer) -> None:
    found = kernel(computer.look())
    assert not found.device_mapper and not found.md


def test_serial_consoles_come_from_the_command_line(computer: Computer) -> None:
    computer.kernel(console="console=tty0 console=ttyS1,57600n8 console=ttyS0 netconsole=ttyS9")
    assert kernel(computer.look()).serial_consoles == ("ttyS1,57600", "ttyS0")


def test_in_dom0_the_port_is_xens(computer: Computer) -> None:
    computer.kernel(console="console=hvc0")
    found = kernel(computer.look(), Xen({"xen_commandline": "dom0_mem=4G com2=115200,8n1 console=com2"}, ""))
    assert found.under_xen
    assert found.serial_consoles == ("ttyS1,115200",)


def test_the_release_is_found_where_sysctl_is_hidden(computer: Computer) -> None:
    computer.file("/proc/version", "Linux version 6.12.57+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP\n")
    assert kernel(computer.look()).release == "6.12.57+deb13-amd64"
