"""PV and PVH have no firmware: GRUB for Xen looks for /boot/grub/grub.cfg at the top of volumes, and not within subvolumes."""

import re

from ..changes import Planned, Repair, WriteFile
from ..model import Guest, Kernel
from ..tree import Tree, is_file, is_folder, text
from .esp_loader import ESPS

_MENUS = ("/grub/grub.cfg", "/grub2/grub.cfg")
_FOUND = ("/boot/grub/grub.cfg", "/grub/grub.cfg")
_PLAIN = re.compile(r"[\w@./+-]*")  # what GRUB takes without quotes
_RELATIVE = re.compile(r"^\s*set btrfs_relative_path=[\"']?(?:y|1)", re.MULTILINE)  # a patch of SUSE's
_ZSTD = b"\x28\xb5\x2f\xfd"
_ANYWHERE = "run it as HVM"


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.boot is None or guest.boot.plain:
        return Planned()
    remarks = []
    if any(_is_zstd(tree, kernel) for kernel in guest.boot_kernels):
        remarks.append("as PV it does not start: GRUB for PV reads no kernel that zstd compressed; run it as PVH or HVM")
    menu = next((guest.boot.folder + path for path in _MENUS if is_file(tree, f"/boot{path}")), None)
    if menu is None:
        return Planned((), (*remarks, f"as PV or PVH it does not start, since GRUB for Xen finds no menu of GRUB 2; {_ANYWHERE}"))
    if _RELATIVE.search(text(tree, f"/boot{menu.removeprefix(guest.boot.folder)}") or ""):
        why = "since its menu names kernels within the default subvolume, which only SUSE's GRUB finds"
        return Planned((), (*remarks, f"as PV or PVH it does not start, {why}; {_ANYWHERE}"))
    if menu in _FOUND:
        return Planned((), tuple(remarks))
    esp = next((place for place in ESPS if is_folder(tree, f"{place}/EFI")), None)
    if esp is None or not guest.boot.volume.uuid or not _PLAIN.fullmatch(menu):
        return Planned((), (*remarks, f"as PV or PVH it does not start, since GRUB for Xen does not find its menu; {_ANYWHERE}"))
    lead = (
        f"search --no-floppy --fs-uuid --set=root {guest.boot.volume.uuid}\n"
        f"set prefix=($root){menu.rsplit('/', 1)[0]}\nconfigfile {menu}\n"
    )
    why = "GRUB for Xen looks here, and goes on to the menu"
    return Planned((WriteFile(f"{esp}/boot/grub/grub.cfg", lead.encode(), why),), tuple(remarks))


def _is_zstd(tree: Tree, kernel: Kernel) -> bool:
    # Linux x86 boot protocol, 2.08 and later: where the compressed kernel is, counted from behind the sectors for real mode.
    head = tree.read(kernel.image, 0x250) or b"" if kernel.image else b""
    if len(head) < 0x250 or head[0x202:0x206] != b"HdrS":
        return False
    start = ((head[0x1F1] or 4) + 1) * 512 + int.from_bytes(head[0x248:0x24C], "little")
    return start < 1 << 20 and (tree.read(kernel.image, start + 4) or b"")[start:] == _ZSTD


REPAIR = Repair("xen-loader", "GRUB for Xen finds its menu", _plan)
