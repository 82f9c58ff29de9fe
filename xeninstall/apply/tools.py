"""The programs that a plan is going to start, looked for while nothing is written yet: a disk that was wiped because a
program for a later stage is missing would be lost for nothing.
"""

from xeninstall.base.errors import Error
from xeninstall.base.run import PACKAGE_OF, find_tool
from xeninstall.plan.model import (
    Action,
    CheckFilesystem,
    CreateArray,
    CreateThinPool,
    FillEsp,
    MakeFilesystem,
    Plan,
    RegisterBootEntry,
    SetClock,
    UnpackSystem,
    WipeDisk,
    WritePartitions,
)

_ALWAYS = ("chroot", "losetup", "mount", "sync", "umount")


class ToolsMissing(Error):
    """Programs that the work needs are not on this machine."""


def check_tools(plan: Plan) -> None:
    """Raise ToolsMissing with every program that this plan needs and this machine lacks, and their packages."""
    image = plan.disks[0].image
    needed = dict.fromkeys((*_ALWAYS, *(tool for stage in plan.stages for act in stage.actions for tool in _tools(act, image))))
    missing = [tool for tool in needed if find_tool(tool) is None]
    if missing:
        packages = sorted({PACKAGE_OF[tool] for tool in missing if tool in PACKAGE_OF})
        raise ToolsMissing(
            f"programs are missing: {', '.join(missing)}",
            hint=f"install the Debian packages: {' '.join(packages)}; nothing was written",
        )


def _tools(action: Action, image: bool) -> tuple[str, ...]:
    match action:
        case SetClock():
            return ("date", "hwclock")
        case WipeDisk():
            return () if image else ("lsblk", "wipefs")
        case WritePartitions():
            return ("sfdisk",) if image else ("sfdisk", "udevadm")
        case CreateArray():
            return ("mdadm", "udevadm", "wipefs")
        case CreateThinPool():
            return ("lvcreate", "pvcreate", "vgchange", "vgcreate", "vgremove", "vgs", "wipefs")
        case MakeFilesystem(fstype=fstype):
            return (f"mkfs.{fstype}",)
        case UnpackSystem():
            return ("unsquashfs",)
        case FillEsp():
            return ("mcopy", "mdir", "mmd") if image else ("mcopy", "mdel", "mdir", "mmd")
        case RegisterBootEntry():
            return ("efibootmgr",)
        case CheckFilesystem(fstype=fstype):
            return ("e2fsck" if fstype == "ext4" else "fsck.vfat",)
        case _:
            return ()
