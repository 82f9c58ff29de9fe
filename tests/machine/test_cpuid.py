"""Raw CPUID really runs, in a child, on the machine of the test."""

from xeninstall.base.run import SystemRunner
from xeninstall.machine.cpuid import Raw, raw_flags
from xeninstall.machine.look import Look


def test_py_cpuinfo_gives_this_machines_flags() -> None:
    found = raw_flags(Look(SystemRunner()))
    assert isinstance(found, Raw), found
    assert {"fpu", "lm", "sse2"} <= found.flags or {"fpu", "msr", "sse2"} <= found.flags


def test_what_the_kernel_shows_the_cpu_has() -> None:
    raw = raw_flags(look := Look(SystemRunner()))
    assert isinstance(raw, Raw), raw
    shown = (look.text("/proc/cpuinfo") or "").partition("flags")[2].partition("\n")[0].split()
    assert {flag for flag in ("vmx", "svm", "hypervisor") if flag in shown} <= raw.flags
