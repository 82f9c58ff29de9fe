"""The verdict: what /proc/cpuinfo, raw CPUID, the lock register and Xen say together."""

import pytest

from xeninstall.machine.model import Verdict, Virtualization

from .computer import Computer

INTEL, AMD = ("Some Xeon", "GenuineIntel"), ("Some EPYC", "AuthenticAMD")
DOM0 = {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/uuid": "00000000-0000-0000-0000-000000000000\n"}


def verdict(computer: Computer) -> Virtualization:
    return computer.probe().cpu.virtualization


@pytest.mark.parametrize(
    ("cpu", "flags", "named", "hap"), [(INTEL, "vmx ept", "Intel VT-x", True), (AMD, "svm", "AMD SVM", False)]
)
def test_a_flag_in_cpuinfo_means_usable_and_nothing_slower_is_asked(
    computer: Computer, cpu: tuple[str, str], flags: str, named: str, hap: bool
) -> None:
    computer.cpu(*cpu, flags)
    found = verdict(computer)
    assert (found.verdict, found.technology, found.hap) == (Verdict.USABLE, named, hap)
    assert not any("-I" in argv for argv in computer.runner.asked)


def test_hidden_by_the_kernel_and_forbidden_by_the_register_is_switched_off(computer: Computer) -> None:
    computer.cpu(*INTEL, "")
    computer.cpuid("fpu msr vmx")
    computer.register("/dev/cpu/0/msr", 0x3A, b"\x01" + bytes(7))
    found = verdict(computer)
    assert found.verdict is Verdict.DISABLED_IN_FIRMWARE
    assert "MSR 0x3A (IA32_FEATURE_CONTROL) = 0x1: VMX is forbidden" in found.evidence


def test_without_the_register_it_is_still_switched_off_and_says_that_this_is_unconfirmed(computer: Computer) -> None:
    computer.cpu(*AMD, "")
    computer.cpuid("fpu msr svm")
    found = verdict(computer)
    assert (found.verdict, found.technology) == (Verdict.DISABLED_IN_FIRMWARE, "AMD SVM")
    assert any("not confirmed" in line for line in found.evidence)


def test_without_the_register_the_kernel_log_is_the_witness(computer: Computer) -> None:
    computer.cpu(*INTEL, "")
    computer.cpuid("fpu msr vmx")
    computer.command(["dmesg"], "[    0.1] x86/cpu: VMX (outside TXT) disabled by BIOS\n")
    assert "kernel log: VMX (outside TXT) disabled by BIOS" in verdict(computer).evidence


@pytest.mark.parametrize("value", [0x0, 0x5])
def test_hidden_by_the_kernel_but_allowed_by_the_register_is_usable_for_xen(computer: Computer, value: int) -> None:
    computer.cpu(*INTEL, "")
    computer.cpuid("fpu msr vmx")
    computer.register("/dev/cpu/0/msr", 0x3A, value.to_bytes(8, "little"))
    assert verdict(computer).verdict is Verdict.USABLE


def test_absent_from_both_is_unsupported(computer: Computer) -> None:
    computer.cpu(*INTEL, "")
    computer.cpuid("fpu msr")
    assert verdict(computer).verdict is Verdict.UNSUPPORTED


def test_in_a_virtual_machine_absence_means_that_nested_virtualization_is_off(computer: Computer) -> None:
    computer.cpu(*AMD, "hypervisor")
    computer.cpuid("fpu msr hypervisor")
    found = verdict(computer)
    assert found.verdict is Verdict.UNSUPPORTED
    assert any("no nested virtualization" in line for line in found.evidence)


def test_a_crash_of_the_generated_code_leaves_the_verdict_unknown_with_the_reason(computer: Computer) -> None:
    computer.cpu(*INTEL, "")
    computer.cpuid("", status=-11)
    found = verdict(computer)
    assert found.verdict is Verdict.UNKNOWN
    assert any("killed by signal 11" in line for line in found.evidence)


def test_a_child_that_hangs_is_stopped_and_the_verdict_unknown(computer: Computer) -> None:
    computer.cpu(*INTEL, "")
    computer.command(["python"], "", hangs=True)
    assert verdict(computer).verdict is Verdict.UNKNOWN
    assert computer.runner.answers["python",].stopped


def test_when_the_generated_code_fails_the_cpuid_device_answers(computer: Computer) -> None:
    computer.cpu(*AMD, "")
    computer.cpuid("", status=1)
    computer.register("/dev/cpu/0/cpuid", 1, bytes(16))
    computer.register("/dev/cpu/0/cpuid", 0x80000001, bytes(8) + (1 << 2).to_bytes(4, "little") + bytes(4))
    found = verdict(computer)
    assert found.verdict is Verdict.DISABLED_IN_FIRMWARE
    assert "/dev/cpu/0/cpuid: flag svm is present" in found.evidence


def test_when_nothing_but_the_kernel_log_speaks_it_decides(computer: Computer) -> None:
    computer.cpu(*AMD, "")
    computer.cpuid("", status=1)
    computer.command(["dmesg"], "[    0.2] kvm: SVM disabled (by BIOS) in MSR_VM_CR on node 0\n")
    assert verdict(computer).verdict is Verdict.DISABLED_IN_FIRMWARE


def test_an_unreadable_cpuinfo_leaves_raw_cpuid_and_register(computer: Computer) -> None:
    computer.cpuid("fpu msr vmx")
    assert verdict(computer).verdict is Verdict.UNKNOWN
    computer.register("/dev/cpu/0/msr", 0x3A, b"\x05" + bytes(7))
    assert verdict(computer).verdict is Verdict.USABLE


@pytest.mark.parametrize("table", ["DMAR", "IVRS"])
def test_an_acpi_table_shows_the_iommu(computer: Computer, table: str) -> None:
    computer.cpu(*INTEL, "vmx")
    computer.acpi(table)
    found = verdict(computer)
    assert found.iommu is True
    assert f"/sys/firmware/acpi/tables: {table} is present" in found.evidence


def test_no_table_is_no_iommu_and_no_acpi_is_unknown(computer: Computer) -> None:
    computer.cpu(*INTEL, "vmx")
    assert verdict(computer).iommu is None
    computer.acpi()
    assert verdict(computer).iommu is False


def dom0(computer: Computer, virt_caps: str, log: str = "", capabilities: str = "xen-3.0-x86_64") -> None:
    computer.cpu(*INTEL, "hypervisor")
    for path, text in DOM0.items():
        computer.file(path, text)
    computer.file("/sys/hypervisor/properties/capabilities", capabilities + "\n")
    computer.command(["xl", "info"], f"host : x\nvirt_caps              : {virt_caps}\n")
    computer.command(["xl", "dmesg"], log)


def test_in_dom0_xen_answers(computer: Computer) -> None:
    dom0(computer, "pv hvm hvm_directio hap", capabilities="xen-3.0-x86_64 hvm-3.0-x86_64")
    found = verdict(computer)
    assert (found.verdict, found.technology, found.hap, found.iommu) == (Verdict.USABLE, "Intel VT-x", True, True)


def test_in_dom0_xens_log_names_the_firmware(computer: Computer) -> None:
    dom0(computer, "pv", " Xen version 4.20.4\n(XEN) VMX disabled by BIOS.\n")
    found = verdict(computer)
    assert found.verdict is Verdict.DISABLED_IN_FIRMWARE
    assert "xl dmesg: VMX disabled by BIOS" in found.evidence


def test_in_dom0_a_complete_log_without_complaint_means_unsupported(computer: Computer) -> None:
    dom0(computer, "pv", " Xen version 4.20.4\n")
    assert verdict(computer).verdict is Verdict.UNSUPPORTED


def test_in_dom0_a_log_whose_start_is_lost_means_unknown(computer: Computer) -> None:
    dom0(computer, "pv", "(XEN) d1 something\n")
    assert verdict(computer).verdict is Verdict.UNKNOWN


def test_in_dom0_without_xl_the_kernel_still_shows_hvm(computer: Computer) -> None:
    dom0(computer, "", capabilities="xen-3.0-x86_64 hvm-3.0-x86_64")
    del computer.runner.answers["xl", "info"], computer.runner.answers["xl", "dmesg"]
    machine = computer.probe()
    assert machine.cpu.virtualization.verdict is Verdict.USABLE
    assert any("xl is missing" in note for note in machine.notes)


def test_a_guest_of_xen_is_a_virtual_machine_and_not_dom0(computer: Computer) -> None:
    computer.cpu(*INTEL, "hypervisor")
    computer.cpuid("fpu msr hypervisor")
    computer.file("/sys/hypervisor/type", "xen\n")
    computer.file("/sys/hypervisor/uuid", "5f1ac6ae-0b57-4a7e-9d3c-2a8bd9a1c001\n")
    machine = computer.probe()
    assert not machine.kernel.under_xen
    assert machine.cpu.virtualization.verdict is Verdict.UNSUPPORTED
