"""Windows 2000, XP and 2003 look up a boot disk's driver in the CriticalDeviceDatabase (Microsoft KB 314082)."""

from .model import Change, Planned, Repair, SetValue, Value, Windows

_CLASS = "{4D36E96A-E325-11CE-BFC1-08002BE10318}"
DEVICES = {
    "primary_ide_channel": "atapi",
    "secondary_ide_channel": "atapi",
    "*pnp0600": "atapi",
    "pci#ven_8086&dev_7010": "intelide",
    "pci#ven_8086&dev_7111": "intelide",
    "pci#cc_0101": "pciide",
}
_SERVICES = {"atapi": "SCSI miniport", "intelide": "System Bus Extender", "pciide": "System Bus Extender"}


def _plan(guest: Windows) -> Planned:
    if guest.version[0] != 5:
        return Planned()
    changes: list[Change] = []
    remarks = []
    present = {name for name in _SERVICES if f"{guest.folder}/system32/drivers/{name}.sys".lower() in guest.files}
    for device, service in DEVICES.items():
        if service not in present:
            continue
        key = guest.control(f"CriticalDeviceDatabase\\{device}")
        for name, text in (("ClassGUID", _CLASS), ("Service", service)):
            value = Value.of(text)
            if guest.system.value(key, name) != value:
                changes.append(SetValue("SYSTEM", key, name, value, f"an emulated IDE disk is found by {service}"))
    for name in sorted(present):
        if guest.system.has(guest.service(name)):
            continue
        wanted = {"ErrorControl": Value.of(1), "Group": Value.of(_SERVICES[name]), "Start": Value.of(0), "Type": Value.of(1)}
        wanted["ImagePath"] = Value.of(f"System32\\DRIVERS\\{name}.sys", expand=True)
        changes += [
            SetValue("SYSTEM", guest.service(name), key, value, "the driver is known as a service")
            for key, value in wanted.items()
        ]
    missing = sorted(set(_SERVICES) - present)
    if missing:
        files = ", ".join(f"{name}.sys" for name in missing)
        remarks.append(
            f"{files} is not in {guest.folder}/system32/drivers: expand it there from the installation's Driver Cache first"
        )
    return Planned(tuple(changes), tuple(remarks))


REPAIR = Repair("critical-devices", "an old Windows finds an emulated IDE disk", _plan)
