"""Writing past the kernel's cache: what is written once and not read again neither fills memory nor waits for a flush at the end.

Only where a file system of this machine does it well: one over a network does better with its own buffers. Room is taken before
it is written to, since only then several writes to one file go on at the same time.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from xeninstall.base.mountinfo import own_mounts

_ABLE = {"ext4", "xfs"}
BLOCK = 4096  # what every disk and every file system of today is content with


class Direct:
    """A second descriptor of an open file or device; it may refuse anything, and then the caller writes in the usual way."""

    def __init__(self, path: Path, fd: int) -> None:
        self._fd = -1
        found = os.fstat(fd)
        self._is_file = stat.S_ISREG(found.st_mode)
        if not self._is_file or _file_system(found.st_dev) in _ABLE:
            with suppress(OSError):
                self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)

    def write(self, offset: int, data: memoryview) -> int:
        """How many bytes of the beginning were written; 0 where place or memory do not suit. Raises OSError."""
        fitting = len(data) // BLOCK * BLOCK
        if self._fd < 0 or offset % BLOCK or not fitting:
            return 0
        if self._is_file:
            os.posix_fallocate(self._fd, offset, fitting)
        done = 0
        while done < fitting:
            try:
                done += os.pwrite(self._fd, data[done:fitting], offset + done)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    return done
                raise
            if done % BLOCK:
                return done  # The medium is about to be full: the usual way will say so.
        return done

    def close(self) -> None:
        """Let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _file_system(device: int) -> str:
    """What the kernel calls the file system of this number."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        return next((mount.fstype for mount in own_mounts() if mount.number == number), "")
    return ""
