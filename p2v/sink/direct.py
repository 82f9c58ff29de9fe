"""Writing past the kernel's cache: what is written once and not read again neither fills memory nor waits for a flush at the end.

Only where a disk of this machine is beneath: a network file system does better with its own buffers.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

BLOCK = 4096  # what every disk and every file system of today is content with


class Direct:
    """A second descriptor of an open file or device; it may refuse anything, and then the caller writes in the usual way."""

    def __init__(self, path: Path, device: int) -> None:
        self._fd = -1
        if os.major(device):
            with suppress(OSError):
                self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)

    def write(self, offset: int, data: memoryview) -> int:
        """How many bytes of the beginning were written; 0 where place or memory do not suit. Raises OSError."""
        fitting = len(data) // BLOCK * BLOCK
        if self._fd < 0 or offset % BLOCK or not fitting:
            return 0
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
