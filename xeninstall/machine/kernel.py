"""The running kernel: what it can do for an installation, and where its consoles are."""

import re

from .look import Look
from .model import Kernel
from .xen import Xen


def kernel(look: Look, xen: Xen | None = None) -> Kernel:
    """Facts about the running kernel; `under_xen` means the control domain of a running Xen, not a guest."""
    return Kernel(
        release=_release(look),
        device_mapper=_device_mapper(look),
        md=_md(look),
        under_xen=xen is not None,
        serial_consoles=_serial_consoles(look.line("/proc/cmdline"), xen),
    )


def _release(look: Look) -> str:
    # Both say it; hardened kernels hide the first.
    version = look.line("/proc/version").split()
    return look.line("/proc/sys/kernel/osrelease") or (
        version[2] if version[:2] == ["Linux", "version"] and len(version) > 2 else ""
    )


def _device_mapper(look: Look) -> bool:
    if look.exists("/sys/module/dm_mod"):
        return True
    misc = (line.split() for line in (look.text("/proc/misc") or "").splitlines())
    return any(fields[1:] == ["device-mapper"] for fields in misc) or _loadable(look, "dm_mod")


def _md(look: Look) -> bool:
    # A mirror needs the core and its RAID1 personality.
    core = look.exists("/sys/module/md_mod") or look.exists("/proc/mdstat") or _loadable(look, "md_mod")
    mirror = "[raid1]" in (look.text("/proc/mdstat") or "") or look.exists("/sys/module/raid1")
    return core and (mirror or _loadable(look, "raid1"))


def _loadable(look: Look, module: str) -> bool:
    """Would modprobe find it, as a file or built in? Only asks; where modprobe is missing, nothing can be loaded."""
    done = look.attempt(["modprobe", "-n", "-q", module], seconds=3)
    return not isinstance(done, str) and done.status == 0


def _serial_consoles(command_line: str, xen: Xen | None) -> tuple[str, ...]:
    found = re.findall(r"(?:^|\s)console=(ttyS[0-9]{1,2}(?:,[0-9]{2,7})?)", command_line)
    # In dom0 the port belongs to Xen: com1=115200,8n1 console=com1,vga.
    for port, speed in re.findall(r"\bcom([12])=([0-9]{2,7})?", xen.info.get("xen_commandline", "") if xen else ""):
        if not any(name.startswith(f"ttyS{int(port) - 1}") for name in found):
            found.append(f"ttyS{int(port) - 1}" + (f",{speed}" if speed else ""))
    return tuple(dict.fromkeys(found))
