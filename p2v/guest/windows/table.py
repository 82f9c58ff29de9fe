"""The repairs in their order. Adding one is adding its file and a line here."""

from . import boot_drivers, boot_sector, crash, critical_devices, esp_loader, first_boot, packages, power
from .model import Repair

REPAIRS: tuple[Repair, ...] = (
    boot_drivers.REPAIR,
    critical_devices.REPAIR,
    packages.REPAIR,
    first_boot.REPAIR,
    power.REPAIR,
    crash.REPAIR,
    esp_loader.REPAIR,
    boot_sector.REPAIR,
)
