"""initramfs-tools (Debian, Ubuntu): every listed kernel's initramfs is made anew, with our drivers and all others of its kind.

MODULES=dep takes the drivers of the machine that it runs on, which would be ours; it becomes `most` for later kernels, too.
"""

import re

from ..changes import Change, Planned, Repair, RunInGuest, WriteFile
from ..model import Guest, InitramfsTool
from ..tree import Tree, encode, find, text
from . import kernels

_MODULES = "/etc/initramfs-tools/modules"
_CONF = "/etc/initramfs-tools/conf.d/zz-p2v"
_SETTING = re.compile(r"^[ \t]*MODULES=[\"']?(\w+)", re.MULTILINE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.initramfs_tool is not InitramfsTool.INITRAMFS_TOOLS:
        return Planned()
    changes: list[Change] = []
    content = text(tree, _MODULES) or ""
    present = {line.split()[0].replace("-", "_") for line in content.splitlines() if line.strip() and not line.startswith("#")}
    missing = [name for name in kernels.drivers(guest) if name.replace("-", "_") not in present]
    if missing:
        before = content if content.endswith("\n") or not content else f"{content}\n"
        lines = "# Added by p2v, so that this system boots as a virtual machine on Xen and on KVM\n" + "".join(
            f"{name}\n" for name in missing
        )
        changes.append(WriteFile(_MODULES, encode(before + lines), "the drivers of Xen, virtio and emulated disks"))
    if _modules_setting(tree) != "most":
        line = b"# Written by p2v: `dep` would take the drivers of one machine only\nMODULES=most\n"
        changes.append(WriteFile(_CONF, line, "the initramfs of later kernels holds these drivers, too"))
    for kernel in kernels.rebuilt(guest):
        argv = ("update-initramfs", "-u" if tree.kind(kernel.initramfs) else "-c", "-k", kernel.version)
        changes.append(RunInGuest(argv, f"kernel {kernel.version} finds its disks on Xen and on KVM", makes=kernel.initramfs))
    return Planned(tuple(changes), kernels.remarks(guest))


def _modules_setting(tree: Tree) -> str:
    found = "most"
    # As mkinitramfs reads them: the last one holds.
    for path in ("/etc/initramfs-tools/initramfs.conf", *find(tree, "/etc/initramfs-tools/conf.d/*")):
        for match in _SETTING.finditer(text(tree, path) or ""):
            found = match[1]
    return found


REPAIR = Repair("initramfs-tools", "the initramfs has the drivers of Xen, virtio and emulated disks", _plan)
