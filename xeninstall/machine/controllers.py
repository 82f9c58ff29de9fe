"""Storage controllers, with advice for those that hide disks: a RAID mode of the firmware, or a missing driver."""

import re

from .look import Look, clean
from .model import Controller

_MASS_STORAGE, _RAID = "01", "0104"
# Intel Volume Management Devices, after the Linux driver vmd (drivers/pci/controller/vmd.c, vmd_ids).
_VMD = {f"8086:{device}" for device in ("201d", "28c0", "467f", "4c3d", "7d0b", "9a0b", "a77f", "ad0b", "b06f", "b60b")}


def controllers(look: Look) -> tuple[Controller, ...]:
    """Every PCI mass storage controller."""
    found = []
    base = "/sys/bus/pci/devices"
    for address in look.names(base):
        device = f"{base}/{address}"
        class_code = _hex(look, f"{device}/class", 6)
        if class_code.startswith(_MASS_STORAGE):
            found.append(_controller(look, device, address, class_code))
    return tuple(found)


def _controller(look: Look, device: str, address: str, class_code: str) -> Controller:
    ids = f"{_hex(look, f'{device}/vendor', 4)}:{_hex(look, f'{device}/device', 4)}"
    driver = look.target(f"{device}/driver")
    return Controller(
        pci=clean(address),
        ids=ids,
        class_code=class_code,
        driver=driver,
        advice=_advice(look, device, address, ids, class_code, driver),
    )


def _advice(look: Look, device: str, address: str, ids: str, class_code: str, driver: str) -> str:
    where = f"storage controller {address} ({ids})"
    if ids in _VMD and driver != "vmd":
        return (
            f"{where} is an Intel VMD: it hides its NVMe disks. Switch VMD off in the firmware setup (often under Advanced > PCH "
            "Storage, System Agent or VMD setup menu), or load a driver pack with the module vmd"
        )
    if remapped := look.number(f"{device}/remapped_nvme"):
        return (
            f"{where} is in RAID mode (Intel RST) and hides {remapped} NVMe disk(s). Switch the SATA mode from RAID/RST to "
            "AHCI in the firmware setup (often under Advanced > SATA Configuration)"
        )
    if not driver:
        mode = " in RAID mode" if class_code.startswith(_RAID) else ""
        remedy = "switch it from RAID to AHCI or HBA mode in the firmware setup, or " if mode else ""
        return f"{where}{mode} has no driver in this kernel, so its disks are not seen: {remedy}load a driver pack for it"
    if class_code.startswith(_RAID) and ids not in _VMD and driver != "ahci" and not _has_disks(look, address):
        return (
            f"{where} is a RAID controller (driver {driver}) that shows no disk: create a logical drive in its setup menu, "
            "or switch it to HBA (JBOD, IT) mode"
        )
    return ""


def _has_disks(look: Look, address: str) -> bool:
    return any(f"/{address}/" in look.place(f"/sys/block/{name}") + "/" for name in look.names("/sys/block"))


def _hex(look: Look, path: str, digits: int) -> str:
    """`0x010400` as `010400`; zeros where the file says no number."""
    match = re.fullmatch(r"0x([0-9a-f]{1,8})", look.line(path).lower())
    return match[1].rjust(digits, "0")[-digits:] if match else "0" * digits
