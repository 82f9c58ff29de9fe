"""mkinitcpio (Arch and its kin): `autodetect` takes one machine's drivers, and no hook brings Xen's disk driver."""

import re

from ..changes import Change, Planned, Repair, RunInGuest, WriteFile
from ..model import Guest, InitramfsTool
from ..tree import Tree, encode, find, is_file, text
from . import kernels

_CONF = "/etc/mkinitcpio.conf"
_MODULES = re.compile(r"""^MODULES=(?:\(([^)\n]*)\)|"([^"\n]*)")[ \t]*$""", re.MULTILINE)
_HOOKS = re.compile(r"""^(HOOKS=[("])([^)"\n]*)([)"])""", re.MULTILINE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.initramfs_tool is not InitramfsTool.MKINITCPIO:
        return Planned()
    content = text(tree, _CONF) or ""
    changes: list[Change] = []
    names = kernels.drivers(guest)
    changed = _HOOKS.sub(lambda match: f"{match[1]}{' '.join(_hooks(match[2].split()))}{match[3]}", content)
    if _MODULES.search(changed):
        changed = _MODULES.sub(
            lambda match: f"MODULES=({' '.join(_with((match[1] or match[2] or '').split(), names))})", changed, count=1
        )
    else:
        changed = f"MODULES=({' '.join(names)})\n{changed}"
    if changed != content:
        changes.append(WriteFile(_CONF, encode(changed), "the drivers of Xen and virtio, and of every machine"))
    presets = find(tree, "/etc/mkinitcpio.d/*.preset")
    wanted = kernels.rebuilt(guest)
    if presets and wanted:
        # Presets know where each image goes, unified ones included.
        changes.append(
            RunInGuest(
                ("mkinitcpio", "-P"),
                f"{', '.join(kernel.version for kernel in wanted)} find their disks",
                makes=wanted[0].initramfs,
            )
        )
    elif is_file(tree, "/usr/bin/mkinitcpio"):
        for kernel in wanted:
            argv = ("mkinitcpio", "-k", kernel.version, "-g", kernel.initramfs)
            changes.append(RunInGuest(argv, f"kernel {kernel.version} finds its disks on Xen and on KVM", makes=kernel.initramfs))
    return Planned(tuple(changes), kernels.remarks(guest))


def _with(words: list[str], names: tuple[str, ...]) -> list[str]:
    present = {word.replace("-", "_") for word in words}
    return words + [name for name in names if name.replace("-", "_") not in present]


def _hooks(words: list[str]) -> list[str]:
    kept = [word for word in words if word != "autodetect"]
    return kept if "block" in kept or ("systemd" not in kept and "udev" not in kept) else [*kept, "block"]


REPAIR = Repair("mkinitcpio", "the initramfs has the drivers of Xen, virtio and emulated disks", _plan)
