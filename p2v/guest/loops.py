"""A loop device over a volume. It is gone before the image is made of what was changed through it, or the conversion fails.

A mount that another mount namespace has seen, such as that of a service which started just then, outlives `umount`: its file
system goes on writing, and whoever reads the volume gets something between old and new.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.interruption import held
from xeninstall.base.run import Runner

from ..source.view import joined_view
from .slots import Slot

_RELEASE_SECONDS = 30.0  # programs that look at every loop device, as LVM does, hold it for a moment


def loop_device(slot: Slot, disks: Sequence[Path], runner: Runner, stack: ExitStack) -> str:
    """A loop device over the volume, for as long as the stack lasts. Closing that raises Error when something still uses it."""
    argv = ["losetup", "--find", "--show"]
    if len(slot.places) == 1:
        disk, extent = slot.places[0]
        backing = disks[disk]
        argv += ["--offset", str(extent.start), "--sizelimit", str(extent.length), str(backing)]
    else:
        backing = stack.enter_context(joined_view([str(path) for path in disks], slot.places, runner))
        argv.append(str(backing))
    with held():
        device = runner.run(argv).stdout.strip()
        stack.callback(partial(_release, device, str(backing), runner))
    return device


def _release(device: str, backing: str, runner: Runner) -> None:
    runner.run(["losetup", "--detach", device], check=False)
    until = time.monotonic() + _RELEASE_SECONDS
    while _backing(device) == backing:
        if time.monotonic() > until:
            raise Error(
                f"{device} is still in use: another program keeps a file system of the guest mounted, and may yet write to it",
                hint="end that program (lsns -t mnt lists mount namespaces), and convert again",
            )
        time.sleep(0.02)


def _backing(device: str) -> str:
    try:
        return Path("/sys/block", Path(device).name, "loop/backing_file").read_text().rstrip("\n")
    except OSError:
        return ""  # It belongs to nothing any more.
