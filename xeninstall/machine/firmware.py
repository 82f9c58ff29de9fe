"""Firmware: BIOS or UEFI, whether Secure Boot is enforced, and who made the machine (DMI)."""

from .look import Look
from .model import Firmware, FirmwareMode

# UEFI specification 2.10, section 3.3: four bytes of attributes, then one byte, 1 while Secure Boot is enforced.
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_DMI = "/sys/class/dmi/id"
# What boards say when their maker never filled it in.
_NOTHING = {"to be filled by o.e.m.", "default string", "not specified", "system serial number", "none", "0", "n/a", "o.e.m."}


def firmware(look: Look) -> Firmware:
    """How this boot was started, and the machine's name plate."""
    uefi = look.exists("/sys/firmware/efi")
    has_dmi = look.exists(_DMI)
    if not has_dmi:
        look.note(f"vendor, product and serial number of the machine not seen: {_DMI} is missing")
    return Firmware(
        mode=FirmwareMode.UEFI if uefi else FirmwareMode.BIOS,
        secure_boot=_secure_boot(look) if uefi else None,
        system_vendor=_plate(look, "sys_vendor"),
        system_product=_plate(look, "product_name"),
        system_serial=_plate(look, "product_serial", noted="serial number of the machine" if has_dmi else ""),
        bios_version=_plate(look, "bios_version"),
    )


def _secure_boot(look: Look) -> bool | None:
    data = look.data(_SECURE_BOOT)
    if data is not None and len(data) == 5:
        return data[4] == 1
    if look.names("/sys/firmware/efi/efivars"):
        # Firmware older than Secure Boot has no such variable, and enforces nothing.
        return False if data is None and not look.exists(_SECURE_BOOT) else None
    look.note("Secure Boot not seen: no UEFI variables (as root: mount -t efivarfs efivarfs /sys/firmware/efi/efivars)")
    return None


def _plate(look: Look, name: str, noted: str = "") -> str:
    value = look.line(f"{_DMI}/{name}", noted=noted)
    return "" if value.lower() in _NOTHING else value
