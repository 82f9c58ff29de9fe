"""UEFI's boot entries stay in the old machine's memory; what is on the disk is found under one name: EFI/BOOT/BOOTX64.EFI."""

from ..changes import Change, Planned, Repair, WriteFile
from ..model import FirmwareMode, Guest
from ..tree import Tree, is_folder

ESPS = ("/boot/efi", "/efi", "/boot")
# By architecture: the fallback's name, and the loaders that may become it, the best first: a shim starts the GRUB beside it.
_NAMES = {
    "x86_64": ("BOOTX64.EFI", ("shimx64.efi", "grubx64.efi", "systemd-bootx64.efi", "elilo.efi", "refind_x64.efi")),
    "i386": ("BOOTIA32.EFI", ("shimia32.efi", "grubia32.efi", "systemd-bootia32.efi")),
    "aarch64": ("BOOTAA64.EFI", ("shimaa64.efi", "grubaa64.efi", "systemd-bootaa64.efi")),
}
_BESIDE = ("grubx64.efi", "grubia32.efi", "grubaa64.efi", "mmx64.efi", "mmia32.efi", "mmaa64.efi", "grub.cfg")


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.firmware is not FirmwareMode.UEFI:
        return Planned()
    fallback, loaders = _NAMES.get(guest.architecture, _NAMES["x86_64"])
    esp = next((place for place in ESPS if _inside(tree, place, "EFI") is not None), None)
    if esp is None:
        return Planned((), ("no EFI system partition was found, though the system was started by UEFI",))
    top = _inside(tree, esp, "EFI") or ""
    boot = _inside(tree, top, "BOOT")
    if boot is not None and _inside(tree, boot, fallback) is not None:
        return Planned()
    found = _loader(tree, top, loaders)
    if found is None:
        return Planned((), (f"no boot loader was found on the EFI system partition that could become {fallback}",))
    folder, loader = found
    target = boot or f"{top}/BOOT"
    changes: list[Change] = [
        _copy(tree, f"{folder}/{loader}", f"{target}/{fallback}", "firmware that knows no entry starts this")
    ]
    if loader.lower().startswith("shim"):
        # It looks for its GRUB, and that for its configuration, beside itself.
        beside = {name.lower(): name for name in tree.names(folder)}
        changes += [
            _copy(tree, f"{folder}/{beside[name]}", f"{target}/{name}", "the boot loader looks for it beside itself")
            for name in _BESIDE
            if name in beside
        ]
    elif loader.lower().startswith("grub") and (config := _inside(tree, folder, "grub.cfg")):
        changes.append(_copy(tree, config, f"{target}/grub.cfg", "the boot loader looks for it beside itself"))
    return Planned(tuple(changes))


def _loader(tree: Tree, top: str, loaders: tuple[str, ...]) -> tuple[str, str] | None:
    for wanted in loaders:
        for vendor in tree.names(top):
            folder = f"{top}/{vendor}"
            name = (
                _inside(tree, folder, wanted) if vendor.upper() not in ("BOOT", "MICROSOFT") and is_folder(tree, folder) else None
            )
            if name is not None:
                return folder, name.rsplit("/", 1)[1]
    return None


def _inside(tree: Tree, folder: str, name: str) -> str | None:
    # FAT knows no case; the tree may.
    return next((f"{folder}/{found}" for found in tree.names(folder) if found.upper() == name.upper()), None)


def _copy(tree: Tree, source: str, target: str, why: str) -> WriteFile:
    return WriteFile(target, tree.read(source) or b"", why)


REPAIR = Repair("esp-loader", "UEFI firmware without boot entries starts it", _plan)
