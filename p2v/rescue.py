"""Reading a medium that fails: in smaller and smaller pieces, again and again, and zeros for what cannot be had."""

import errno
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.errors import Stopped
from xeninstall.base.sizes import MIB, format_size

from .types import Extent, Reader

SECTOR = 512
_STEPS = (64 * 1024, 4096, SECTOR)
_RETRIES = 2
# So much in one run, and not a sector of it readable: not a bad spot but a disk that is gone.
_DEAD_BYTES = 64 * MIB
_GONE = {errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM, errno.ENOTCONN, errno.ECONNABORTED, errno.ESTALE, errno.EBADF}


class SourceVanished(Stopped):
    """The source is gone, or nothing of it can be read any more; the copy goes on with --resume once it is back."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is gone: {why}", hint="connect it again, then go on with --resume")


class Rescuer:
    """Reads one disk. `bad` gathers what could not be read, in the order in which it was asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.bad: list[Extent] = []

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer, with zeros where the medium fails for good. Raises SourceVanished."""
        try:
            self._reader.read_into(offset, buffer)
        except OSError as error:
            self._check(error)
            self._smaller(offset, buffer, _STEPS)

    def _smaller(self, offset: int, buffer: memoryview, steps: Sequence[int]) -> None:
        step = steps[0]
        place = 0
        while place < len(buffer):
            # Pieces end where sectors do, whatever the beginning.
            taken = min(step - (offset + place) % step, len(buffer) - place)
            part = buffer[place : place + taken]
            if not self._attempt(offset + place, part, 1 if len(steps) > 1 else _RETRIES):
                if len(steps) > 1:
                    self._smaller(offset + place, part, steps[1:])
                else:
                    part[:] = bytes(taken)
                    self._note(Extent(offset + place, taken))
            place += taken

    def _attempt(self, offset: int, part: memoryview, times: int) -> bool:
        for _ in range(times):
            try:
                self._reader.read_into(offset, part)
            except OSError as error:
                self._check(error)
                continue
            return True
        return False

    def _note(self, extent: Extent) -> None:
        if self.bad and self.bad[-1].end == extent.start:
            extent = Extent(self.bad[-1].start, self.bad[-1].length + extent.length)
            self.bad.pop()
        self.bad.append(extent)
        if extent.length >= _DEAD_BYTES:
            raise SourceVanished(self._reader.name, f"{format_size(extent.length)} in a row cannot be read")

    def _check(self, error: OSError) -> None:
        if error.errno in _GONE:
            raise SourceVanished(self._reader.name, error.strerror or str(error)) from None
        # A disk that was pulled out fails like one with bad sectors; only its name is gone.
        if not Path(self._reader.name).exists():
            raise SourceVanished(self._reader.name, "it is not there any more") from None
