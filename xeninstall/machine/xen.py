"""What the hypervisor says, when this system is already the control domain (dom0) of a running Xen.

Xen hides VMX and SVM from dom0's CPUID and keeps memory and CPUs to itself, so the questions go to `xl`.
"""

import re
from dataclasses import dataclass

from .look import Look


@dataclass(frozen=True)
class Xen:
    """`xl info` as a mapping (empty where xl cannot answer), and the capabilities that the kernel shows."""

    info: dict[str, str]
    capabilities: str

    def number(self, key: str) -> int | None:
        """A positive number out of `xl info`."""
        value = self.info.get(key, "")
        return int(value) if re.fullmatch(r"[0-9]{1,15}", value) and int(value) > 0 else None


def control_domain(look: Look) -> Xen | None:
    """Xen's own words in dom0; None on bare metal and in any guest."""
    if look.line("/sys/hypervisor/type") != "xen":
        return None
    uuid = look.line("/sys/hypervisor/uuid")
    in_control = "control_d" in (look.text("/proc/xen/capabilities") or "")
    if not in_control and (not uuid or uuid.strip("0-")):
        return None
    done = look.ask(["xl", "info"], about="Xen's view of CPU and memory")
    pairs = (line.partition(":") for line in (done.stdout if done else "").splitlines())
    info = {key.strip(): value.strip() for key, colon, value in pairs if colon}
    return Xen(info, look.line("/sys/hypervisor/properties/capabilities"))


def boot_log(look: Look) -> str:
    """What Xen said while it started (`xl dmesg`), or nothing."""
    done = look.ask(["xl", "dmesg"], about="Xen's boot log")
    return done.stdout if done else ""
