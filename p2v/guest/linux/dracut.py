"""dracut (RHEL, SUSE from 12 on, Fedora, and others): host-only is left behind, which holds one machine's drivers."""

from ..changes import Change, Planned, Repair, RunInGuest, WriteFile
from ..model import Guest, InitramfsTool
from ..tree import Tree, encode, is_file, is_folder, text
from . import kernels

# The last one by name holds.
_CONF = "/etc/dracut.conf.d/zz-p2v.conf"
# Versions from before 2012 read this file only.
_OLD_CONF = "/etc/dracut.conf"
_HEAD = "# Written by p2v, so that this system boots as a virtual machine on Xen and on KVM\n"


def _plan(guest: Guest, tree: Tree) -> Planned:
    if guest.initramfs_tool is not InitramfsTool.DRACUT:
        return Planned()
    changes: list[Change] = []
    names = " ".join(kernels.drivers(guest))
    content = f'{_HEAD}hostonly="no"\nadd_drivers+=" {names} "\n'
    is_new = is_folder(tree, "/etc/dracut.conf.d") or is_folder(tree, "/usr/lib/dracut/dracut.conf.d")
    if is_new:
        changes.append(
            WriteFile(_CONF, encode(content), "the initramfs of this and later kernels holds the drivers of Xen and virtio")
        )
    else:
        before = (text(tree, _OLD_CONF) or "").partition(_HEAD)[0].rstrip("\n")
        changes.append(WriteFile(_OLD_CONF, encode(f"{before}\n{content}"), "the initramfs holds the drivers of Xen and virtio"))
    dracut = next(path for path in ("/usr/bin/dracut", "/sbin/dracut", "/usr/sbin/dracut") if is_file(tree, path))
    for kernel in kernels.rebuilt(guest):
        every = ("--no-hostonly",) if is_new else ()
        argv = (dracut, "--force", *every, "--add-drivers", " ".join(kernel.drivers), kernel.initramfs, kernel.version)
        changes.append(RunInGuest(argv, f"kernel {kernel.version} finds its disks on Xen and on KVM", makes=kernel.initramfs))
    return Planned(tuple(changes), kernels.remarks(guest))


REPAIR = Repair("dracut", "the initramfs has the drivers of Xen, virtio and emulated disks", _plan)
