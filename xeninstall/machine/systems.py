"""Operating systems on the disks, found without mounting: os-release inside ext file systems, Windows by its marks."""

import re
import time
from collections.abc import Iterable

from xeninstall.base.errors import Error
from xeninstall.base.run import Process

from .blocks import Block
from .look import Look, clean

# A machine with more is a storage server; its review lists file systems, and the first systems found.
MOST_LOOKED_INTO = 24
LOOK_SECONDS = 2.0
_EXT = ("ext2", "ext3", "ext4")
_OS_RELEASE = "/usr/lib/os-release"
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_WINDOWS_RECOVERY = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"
_VMKCORE = "9d275380-40ad-11db-bf97-000c2911d1b8"


def systems(look: Look, disks: Iterable[Block]) -> dict[str, str]:
    """Device node → the operating system on it."""
    disks = tuple(disks)
    found: dict[str, str] = {}
    for disk in disks:
        found |= _foreign(disk)
    unmounted = []
    for block in {block.path: block for disk in disks for block in disk.tree()}.values():
        if any(place.startswith("/") for place in block.mountpoints):
            if name := _mounted(look, block):
                found[block.path] = name
        elif block.fstype in _EXT:
            unmounted.append(block.path)
    return found | _unmounted(look, unmounted[:MOST_LOOKED_INTO])


def _foreign(disk: Block) -> dict[str, str]:
    parts = [block for block in disk.tree() if block.type == "part"]
    windows = [part for part in parts if part.fstype.lower() in ("ntfs", "bitlocker")]
    # A data disk has NTFS too; only a boot disk also has what Windows boots from.
    boots = any(part.part_type in (_ESP, _WINDOWS_RECOVERY) or part.label.lower() == "system reserved" for part in parts)
    if windows and boots:
        largest = max(windows, key=lambda part: part.size_bytes)
        return {largest.path: "Microsoft Windows" + (" (BitLocker)" if largest.fstype.lower() == "bitlocker" else "")}
    for part in parts:
        if part.part_type == _VMKCORE:
            return {part.path: "VMware ESXi"}
    return {}


def _mounted(look: Look, block: Block) -> str:
    for place in block.mountpoints:
        for name in (_OS_RELEASE, "/etc/os-release"):
            if found := pretty_name(look.text(place.rstrip("/") + name) or ""):
                return found
    return ""


def _unmounted(look: Look, paths: list[str]) -> dict[str, str]:
    """debugfs reads one file out of an ext file system in a few milliseconds, all of them at once here."""
    running: dict[str, Process] = {}
    try:
        for path in paths:
            # -c leaves out the bitmaps, which are large and not needed to read a file.
            running[path] = look.runner.start(["debugfs", "-c", "-R", f"cat {_OS_RELEASE}", path])
    except Error as error:
        look.note(f"operating systems not seen: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    found = {}
    deadline = time.monotonic() + LOOK_SECONDS
    for path, process in running.items():
        done = process.wait_for(max(deadline - time.monotonic(), 0.01))
        if done is None:
            process.stop()
            look.note(f"operating system on {path} not seen: debugfs took too long")
        elif name := pretty_name(done.stdout):
            found[path] = name
    return found


def pretty_name(os_release: str) -> str:
    """PRETTY_NAME out of os-release(5), or NAME."""
    for key in ("PRETTY_NAME", "NAME"):
        match = re.search(rf"^{key}=(?:\"([^\"\n]*)\"|'([^'\n]*)'|(\S*))", os_release[:16384], re.MULTILINE)
        if match and (value := clean(next((group for group in match.groups() if group), ""), 80)):
            return value
    return ""
