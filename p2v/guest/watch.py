"""What a guest's program says and writes, while it runs."""

import os
import select
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from xeninstall.base.mountinfo import mounts_below

_KEPT_BYTES = 16 << 10
_READ_BYTES = 1 << 20


class Said:
    """What comes out of a pipe: read however much it is, so that nobody fills it and waits; the end of it is kept."""

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe, self._kept, self._poll = pipe, b"", select.poll()
        self._poll.register(pipe, select.POLLIN)
        self.total_bytes, self.ended = 0, False

    @property
    def text(self) -> str:
        """The end of it."""
        return self._kept.decode("utf-8", "replace")

    def listen(self, seconds: float) -> None:
        """Wait so long for more, and take it. `ended` is set once nobody is left who could say more."""
        if self.ended or not self._poll.poll(seconds * 1000):
            return
        block = os.read(self._pipe, _READ_BYTES)
        self.total_bytes += len(block)
        self._kept = (self._kept + block)[-_KEPT_BYTES:]
        self.ended = not block

    def listen_out(self, seconds: float) -> bool:
        """Listen to the end, but no longer; returns whether it came."""
        until = time.monotonic() + seconds
        while not self.ended and (left := until - time.monotonic()) > 0:
            self.listen(left)
        return self.ended


class Written:
    """What the file systems at and below a folder have grown by since this began."""

    def __init__(self, root: Path) -> None:
        self._stack, self._open = ExitStack(), list[int]()
        mounted = {one.number: Path(one.place) for one in mounts_below(root)}
        for place in mounted.values() if root in mounted.values() else (root, *mounted.values()):
            # Open for as long as it is watched: whoever runs below may rename what leads there.
            with suppress(OSError):
                fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
                self._stack.callback(os.close, fd)
                self._open.append(fd)
        self._free_bytes = self._free()

    def close(self) -> None:
        """Let go, so that they can be unmounted."""
        self._stack.close()

    @property
    def total_bytes(self) -> int:
        """In all of them together."""
        return self._free_bytes - self._free()

    def _free(self) -> int:
        found = [os.statvfs(fd) for fd in self._open]
        return sum(one.f_bfree * one.f_frsize for one in found)
