"""Driver packages that the user supplies, such as virtio-win's: storage drivers ready at boot, all of them for the first start.

The keys are those that Windows itself keeps: CriticalDeviceDatabase up to 7, DriverDatabase from 8 on.
"""

import re
import struct

from .model import Change, CopyIn, Package, Planned, Repair, SetValue, Value, Windows

FOLDER = "p2v/drivers"
_CLASS = "{4D36E97B-E325-11CE-BFC1-08002BE10318}"  # SCSIAdapter, in setupapi's list of classes
_CLASS_BYTES = bytes.fromhex("7be9364d25e3ce11bfc108002be10318")
_STORAGE = ("viostor", "vioscsi")
_DEVICE = re.compile(r"PCI\\(VEN_[0-9A-F]{4}&DEV_[0-9A-F]{4}[&0-9A-Z_]*)", re.IGNORECASE)
_MOST_DEVICES = 64


def _plan(guest: Windows) -> Planned:
    changes: list[Change] = []
    remarks = []
    for package in guest.packages:
        stem = package.name.rsplit(".", 1)[0].lower()
        place = f"{FOLDER}/{stem}"
        changes += [CopyIn(f"{place}/{name}", data, "for the first start") for name, data in sorted(package.files.items())]
        if stem in _STORAGE:
            made = _at_boot(guest, package, stem)
            changes += made
            remarks += (
                []
                if made
                else [f"{package.name} has no {stem}.sys, or names no PCI device: it is installed at the first start only"]
            )
    if guest.packages and not any(package.name.lower().startswith(_STORAGE) for package in guest.packages):
        remarks.append("no storage driver (viostor, vioscsi) is among the packages: start it with an IDE or SATA disk first")
    return Planned(tuple(changes), tuple(remarks))


def _at_boot(guest: Windows, package: Package, name: str) -> list[Change]:
    driver = next((data for file, data in package.files.items() if file.lower() == f"{name}.sys"), None)
    devices = list(dict.fromkeys(match.upper() for match in _DEVICE.findall(package.inf)))[:_MOST_DEVICES]
    if driver is None or not devices:
        return []
    why = f"{name} finds its disks at boot"
    changes: list[Change] = [CopyIn(f"{guest.folder}/System32/drivers/{name}.sys", driver, why)]
    service = {
        "Type": Value.of(1),
        "Start": Value.of(0),
        "Group": Value.of("SCSI miniport"),
        "ErrorControl": Value.of(1),
        "ImagePath": Value.of(f"System32\\drivers\\{name}.sys", expand=True),
    }
    changes += [SetValue("SYSTEM", guest.service(name), key, value, why) for key, value in service.items()]
    if not guest.system.has("DriverDatabase"):
        for device in devices:
            key = guest.control(f"CriticalDeviceDatabase\\PCI#{device}")
            changes += [
                SetValue("SYSTEM", key, "Service", Value.of(name), why),
                SetValue("SYSTEM", key, "ClassGUID", Value.of(_CLASS), why),
            ]
        return changes
    inf = f"p2v_{name}.inf"
    full = f"{inf}_{guest.architecture}_{'0' * 16}"
    database, package_key = "DriverDatabase", f"DriverDatabase\\DriverPackages\\{full}"
    found = [
        (f"{database}\\DriverInfFiles\\{inf}", "", Value.of([full])),
        (f"{database}\\DriverInfFiles\\{inf}", "Active", Value.of(full)),
        (f"{database}\\DriverInfFiles\\{inf}", "Configurations", Value.of(["p2v_conf"])),
        (package_key, "", Value.of(inf)),
        (package_key, "Version", Value.of(struct.pack("<II", 0x0009FF00, 0) + _CLASS_BYTES + bytes(24))),
        (f"{package_key}\\Configurations\\p2v_conf", "ConfigFlags", Value.of(0)),
        (f"{package_key}\\Configurations\\p2v_conf", "Service", Value.of(name)),
    ]
    for device in devices:
        found.append((f"{database}\\DeviceIds\\PCI\\{device}", inf, Value.of(bytes.fromhex("01ff0000"))))
        found.append((f"{package_key}\\Descriptors\\PCI\\{device}", "Configuration", Value.of("p2v_conf")))
    return changes + [SetValue("SYSTEM", key, value_name, value, why) for key, value_name, value in found]


REPAIR = Repair("packages", "the drivers that were supplied are ready", _plan)
