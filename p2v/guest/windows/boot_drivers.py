"""Drivers of emulated disks start at boot, and nothing overrides that: Xen shows a Windows an IDE disk first, KVM a SATA one."""

from .model import Change, DeleteKey, Planned, Repair, SetValue, Value, Windows

_DRIVERS = ("atapi", "intelide", "pciide", "msahci", "storahci", "stornvme")
_BOOT = 0


def _plan(guest: Windows) -> Planned:
    changes: list[Change] = []
    for name in _DRIVERS:
        key = guest.service(name)
        if not guest.system.has(key):
            continue
        start = guest.system.value(key, "Start")
        if start is None or start.number != _BOOT:
            changes.append(SetValue("SYSTEM", key, "Start", Value.of(_BOOT), "it starts at boot"))
        if guest.system.has(f"{key}\\StartOverride"):
            # Windows 8 and later set it for what the last start did not need, and it outweighs Start.
            changes.append(DeleteKey("SYSTEM", f"{key}\\StartOverride", "nothing overrides that"))
    if not any(guest.system.has(guest.service(name)) for name in _DRIVERS):
        return Planned((), ("it has none of the drivers for emulated IDE, SATA or NVMe disks",))
    return Planned(tuple(changes))


REPAIR = Repair("boot-drivers", "drivers of emulated disks start at boot", _plan)
