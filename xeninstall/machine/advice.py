"""How a person gets to the firmware's virtualization switch: the key of this maker, the menu, the name of the setting."""

from .model import Firmware, FirmwareMode, Machine, Verdict

# What opens the setup while the machine starts, by the maker's name in DMI; from the makers' manuals.
_KEYS = {
    "dell": "F2",
    "hpe": "F9",
    "hewlett packard enterprise": "F9",
    "hp": "F10 (servers: F9)",
    "hewlett-packard": "F10 (servers: F9)",
    "lenovo": "F1",
    "ibm": "F1",
    "supermicro": "Del",
    "asus": "Del or F2",
    "gigabyte": "Del",
    "giga-byte": "Del",
    "micro-star": "Del",
    "asrock": "F2 or Del",
    "intel": "F2",
    "fujitsu": "F2",
    "cisco": "F2",
    "acer": "F2",
    "huawei": "Del",
    "quanta": "Del",
    "toshiba": "F2",
}
_MENUS = {
    "Intel VT-x": "often under Advanced > CPU (Processor) Configuration, or Security > Virtualization",
    "AMD SVM": "often under Advanced > CPU Configuration, or Tweaker > Advanced CPU Settings",
}


def way_to_setup(firmware: Firmware) -> str:
    """How to open the firmware setup of this maker's machines."""
    vendor = firmware.system_vendor.lower()
    key = next((key for name, key in _KEYS.items() if vendor.startswith(name)), "")
    by_key = f"press {key} while the machine starts" if key else "press Del, F2, F10 or Esc while the machine starts"
    return f"{by_key}, or run: systemctl reboot --firmware-setup" if firmware.mode is FirmwareMode.UEFI else by_key


def virtualization_remedy(machine: Machine) -> str:
    """What to do about the verdict, in words; nothing when the CPU is ready."""
    virtualization = machine.cpu.virtualization
    match virtualization.verdict:
        case Verdict.USABLE:
            return ""
        case Verdict.DISABLED_IN_FIRMWARE:
            menu = _MENUS.get(virtualization.technology, "often under Advanced > CPU Configuration")
            return (
                f"Enable {virtualization.setting} in the firmware setup ({menu}). "
                f"To get there, {way_to_setup(machine.firmware)}. "
                "Some machines must be switched off and on again before it takes effect."
            )
        case Verdict.UNSUPPORTED if any("flag hypervisor" in line for line in virtualization.evidence):
            return "Switch on nested virtualization for this virtual machine in its hypervisor, or use a physical machine."
        case Verdict.UNSUPPORTED:
            return "Only paravirtual (PV) guests can run here. For HVM and PVH guests use a machine whose CPU has VT-x or SVM."
        case Verdict.UNKNOWN:
            return (
                f"Look for {virtualization.setting} in the firmware setup: {way_to_setup(machine.firmware)}. "
                "Running the probe as root may also tell."
            )
