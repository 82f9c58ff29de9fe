"""The system image onto the mounted root: unsquashfs on all cores, watched by what the file system says it holds."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError, Runner
from xeninstall.plan.model import UnpackSystem

_POLL_SECONDS = 0.25


def unpack(action: UnpackSystem, squashfs: Path, root: Path, runner: Runner, watch: Callable[[int, int], None]) -> None:
    """Unpack onto an empty root and have it reach the disk. Raises Error when the target fills up or stops taking data."""
    _empty(root)
    before = os.statvfs(root)
    process = runner.start(["unsquashfs", "-force", "-no-progress", "-quiet", "-dest", str(root), str(squashfs)])
    try:
        while (done := process.wait_for(_POLL_SECONDS)) is None:
            now = os.statvfs(root)
            taken = (before.f_bfree - now.f_bfree) * now.f_frsize
            watch(min(max(taken, 0), action.unpacked_bytes), action.unpacked_bytes)
    except BaseException:
        process.stop()
        raise
    if done.status != 0:
        if "No space left" in done.stderr or os.statvfs(root).f_bavail == 0:
            raise Error(
                "the target is full: the system image does not fit on its system slot", hint="give it more with disk.system_size"
            )
        raise CommandError(done.argv, done.status, done.stderr)
    after = os.statvfs(root)
    arrived = before.f_ffree - after.f_ffree + 1  # the root directory was there before
    if arrived != action.inodes:
        raise Error(
            f"{arrived} files arrived instead of {action.inodes}",
            hint="the target loses data: check it (and the host's log), then use --resume",
        )
    flush(root, runner)
    watch(action.unpacked_bytes, action.unpacked_bytes)


def flush(root: Path, runner: Runner) -> None:
    """Have everything on this file system reach its disk; a disk that took it only in appearance fails here."""
    runner.run(["sync", "--file-system", str(root)])


def _empty(root: Path) -> None:
    """A stage is repeated from its start: what a killed unpacking left is removed first."""
    for entry in root.iterdir():
        if entry.name == "lost+found":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
