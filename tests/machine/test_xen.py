"""dom0 is told from bare metal and from guests."""

from xeninstall.machine.xen import control_domain

from .computer import Computer


def test_bare_metal_is_no_control_domain(computer: Computer) -> None:
    assert control_domain(computer.look()) is None


def test_a_guest_is_no_control_domain(computer: Computer) -> None:
    computer.file("/sys/hypervisor/type", "xen\n")
    assert control_domain(computer.look()) is None
    computer.file("/sys/hypervisor/uuid", "5f1ac6ae-0b57-4a7e-9d3c-2a8bd9a1c001\n")
    assert control_domain(computer.look()) is None


def test_xenfs_shows_the_control_domain_too(computer: Computer) -> None:
    computer.file("/sys/hypervisor/type", "xen\n")
    computer.file("/proc/xen/capabilities", "control_d\n")
    computer.command(["xl", "info"], "nr_cpus : 12\nxen_commandline : com1=115200 a:b\nno colon\n")
    found = control_domain(computer.look())
    assert found is not None
    assert (found.number("nr_cpus"), found.info["xen_commandline"], found.number("none")) == (12, "com1=115200 a:b", None)
