"""The verdict on hardware virtualization: usable, switched off in the firmware, unsupported, or unknown, always with evidence.

Linux clears `vmx` and `svm` from /proc/cpuinfo when the firmware forbids them; CPUID itself keeps showing them. So what only
CPUID shows is switched off, and what neither shows is not there.
"""

from collections.abc import Set

from .cpuid import Raw, forbidden_by_firmware, raw_flags
from .look import Look
from .model import Verdict, Virtualization
from .xen import Xen, boot_log

TECHNOLOGY = {"vmx": "Intel VT-x", "svm": "AMD SVM"}
_FLAG_OF_VENDOR = {
    "GenuineIntel": "vmx",
    "CentaurHauls": "vmx",
    "Shanghai": "vmx",
    "AuthenticAMD": "svm",
    "HygonGenuine": "svm",
}
_XEN_SAYS_DISABLED = {"VMX disabled by BIOS": "vmx", "AMD SVM Extension is disabled in BIOS": "svm"}
_LINUX_SAYS_DISABLED = {"VMX (outside TXT) disabled by BIOS": "vmx", "SVM disabled (by BIOS)": "svm"}


def judge(look: Look, flags: Set[str] | None, vendor: str, xen: Xen | None) -> Virtualization:
    """The verdict from /proc/cpuinfo's flags (None when unreadable), the vendor, and Xen where it runs."""
    if xen is not None:
        return _ask_xen(look, vendor, xen)
    iommu, iommu_evidence = _iommu(look)
    flag = next((name for name in TECHNOLOGY if name in (flags or ())), "")
    if flag:
        evidence = [f"/proc/cpuinfo: flag {flag} is present"]
        if "hypervisor" in (flags or ()):
            evidence.append("/proc/cpuinfo: flag hypervisor: a virtual machine, with nested virtualization on")
        hap = "ept" in (flags or ()) or "npt" in (flags or ())
        evidence.append(f"/proc/cpuinfo: flag {'ept' if flag == 'vmx' else 'npt'} is {'present' if hap else 'absent'}")
        verdict, hidden_hap = Verdict.USABLE, hap
    else:
        verdict, flag, evidence = _without_flag(look, flags, vendor)
        hidden_hap = None
    return Virtualization(
        verdict=verdict, technology=TECHNOLOGY.get(flag, ""), evidence=(*evidence, iommu_evidence), hap=hidden_hap, iommu=iommu
    )


def _without_flag(look: Look, flags: Set[str] | None, vendor: str) -> tuple[Verdict, str, list[str]]:
    likely = _FLAG_OF_VENDOR.get(vendor, "")
    evidence = ["/proc/cpuinfo: " + ("could not be read" if flags is None else "neither flag vmx nor svm is present")]
    raw = raw_flags(look)
    shown = raw.flags if isinstance(raw, Raw) else frozenset[str]()
    guest = "hypervisor" in (flags or shown)
    flag = next((name for name in TECHNOLOGY if name in shown), "")
    if not isinstance(raw, Raw):
        evidence.append(f"raw CPUID could not be read: {raw}")
    elif flag:
        evidence.append(f"{raw.source}: flag {flag} is present")
    else:
        evidence.append(f"{raw.source}: neither flag vmx nor svm is present")
    if flag:
        return _hidden(look, flags, flag, guest, evidence), flag, evidence
    if guest:
        evidence.append(
            "flag hypervisor: this is a virtual machine, and its hypervisor offers no nested virtualization; "
            "the physical CPU may have it"
        )
        return Verdict.UNSUPPORTED, likely, evidence
    if isinstance(raw, Raw):
        return Verdict.UNSUPPORTED, "", evidence
    if said := _kernel_says_disabled(look):
        evidence.append(said[1])
        return Verdict.DISABLED_IN_FIRMWARE, said[0], evidence
    evidence.append("nothing here tells whether the kernel hides it or the CPU lacks it")
    return Verdict.UNKNOWN, likely, evidence


def _hidden(look: Look, flags: Set[str] | None, flag: str, guest: bool, evidence: list[str]) -> Verdict:
    """CPUID has the flag and /proc/cpuinfo does not show it: why?"""
    register = forbidden_by_firmware(look, flag)
    if register is not None:
        forbidden, words = register
        evidence.append(words)
        if forbidden:
            return Verdict.DISABLED_IN_FIRMWARE
        if not guest:
            # Something else hides it, such as clearcpuid= on the kernel command line. Xen asks CPU and register, not Linux.
            evidence.append("the running kernel hides the flag, but the firmware allows it, and that is what Xen goes by")
            return Verdict.USABLE
    if register is None and (said := _kernel_says_disabled(look)):
        evidence.append(said[1])
    elif register is None:
        evidence.append("not confirmed by the MSR: /dev/cpu/0/msr is not readable (as root: modprobe msr)")
        if flags is None:
            return Verdict.UNKNOWN
    return Verdict.DISABLED_IN_FIRMWARE


def _kernel_says_disabled(look: Look) -> tuple[str, str] | None:
    done = look.attempt(["dmesg"], seconds=2)
    for line in ("" if isinstance(done, str) else done.stdout).splitlines():
        for words, flag in _LINUX_SAYS_DISABLED.items():
            if words in line:
                return flag, f"kernel log: {words}"
    return None


def _iommu(look: Look) -> tuple[bool | None, str]:
    if active := look.names("/sys/class/iommu"):
        return True, f"/sys/class/iommu: {active[0]} is active"
    tables = look.names("/sys/firmware/acpi/tables")
    for table in ("DMAR", "IVRS"):
        if table in tables:
            return True, f"/sys/firmware/acpi/tables: {table} is present"
    if not tables:
        return None, "/sys/firmware/acpi/tables: none to look into for an IOMMU"
    return False, "/sys/firmware/acpi/tables: neither DMAR nor IVRS: IOMMU off in the firmware (VT-d, AMD-Vi), or not supported"


def _ask_xen(look: Look, vendor: str, xen: Xen) -> Virtualization:
    flag = _FLAG_OF_VENDOR.get(vendor, "")
    caps = xen.info.get("virt_caps", "").split()
    evidence = [f"xl info: virt_caps: {' '.join(caps) or 'none'}"] if xen.info else []
    kernel_says = f"/sys/hypervisor/properties/capabilities: {xen.capabilities or 'empty'}"
    hap = True if "hap" in caps else False if "shadow" in caps else None
    iommu = "hvm_directio" in caps or "pv_directio" in caps if xen.info else None
    if "hvm" in caps or "hvm-" in xen.capabilities:
        verdict = Verdict.USABLE
        evidence.append(kernel_says)
        if hap is None and "Hardware Assisted Paging (HAP) detected" in boot_log(look):
            hap = True
            evidence.append("xl dmesg: Hardware Assisted Paging (HAP) detected")
    else:
        evidence.append(kernel_says)
        log = boot_log(look)
        said = next(((words, name) for words, name in _XEN_SAYS_DISABLED.items() if words in log), None)
        if said:
            flag, verdict = said[1], Verdict.DISABLED_IN_FIRMWARE
            evidence.append(f"xl dmesg: {said[0]}")
        elif "Xen version" in log:
            verdict = Verdict.UNSUPPORTED
            evidence.append("xl dmesg: says nothing of VMX or SVM being disabled")
        else:
            verdict = Verdict.UNKNOWN
            evidence.append("xl dmesg: the start of Xen's log is not there, which would say why it offers no HVM")
    return Virtualization(verdict=verdict, technology=TECHNOLOGY.get(flag, ""), evidence=tuple(evidence), hap=hap, iommu=iommu)
