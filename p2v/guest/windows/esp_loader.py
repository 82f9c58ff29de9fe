"""Windows' boot entry stays in the old machine's memory: its boot manager becomes what firmware starts without one."""

from .model import CopyOnEsp, Planned, Repair, Windows

_MANAGER, _FALLBACK = "/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/BOOT/BOOTX64.EFI"
MANAGER = _MANAGER.upper()
LOADERS = (MANAGER, _FALLBACK.upper())  # what is asked for of the partition, in capitals


def _plan(guest: Windows) -> Planned:
    if not guest.uefi or _FALLBACK.upper() in guest.esp:
        return Planned()
    manager = guest.esp.get(MANAGER)
    if manager is None:
        return Planned((), (f"{_MANAGER} is not on the EFI system partition: repair the start with bootrec or bcdboot",))
    return Planned((CopyOnEsp(_FALLBACK, manager, "firmware that knows no entry starts this"),))


REPAIR = Repair("esp-loader", "UEFI firmware without boot entries starts it", _plan)
