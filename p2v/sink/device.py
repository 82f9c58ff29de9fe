"""A disk as the target, which may hold anything before: zeros are written, not left out, since no byte of it is known."""

import mmap
import os
from contextlib import suppress
from pathlib import Path

from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import MIB, format_size

from ..source.device import writable_mounts
from .direct import Direct
from .model import TargetError, stopped

_ZEROS = memoryview(mmap.mmap(-1, MIB))  # where memory must be aligned, too


class DeviceSink:
    """A block device, opened for itself alone. `skip_holes` leaves what is not in use as it was.

    Raises RequirementError when it is mounted or too small.
    """

    def __init__(self, path: Path, length: int, *, skip_holes: bool = False) -> None:
        self._path, self._skip_holes = path, skip_holes
        mounts = writable_mounts(path)
        if mounts:
            raise RequirementError(f"{path} is in use: {', '.join(mounts)} is mounted", hint="unmount it, or name another disk")
        try:
            # Exclusive: the kernel refuses while anything has it mounted or holds it.
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_EXCL)
        except OSError as error:
            raise TargetError(f"{path} cannot be opened for writing: {error.strerror}", hint="see who uses it: lsblk") from None
        self._direct = Direct(path, self._fd)
        size = os.lseek(self._fd, 0, os.SEEK_END)
        if size < length:
            self.close()
            raise RequirementError(
                f"{path} holds {format_size(size)} and the disk to be written has {format_size(length)}",
                hint="name a larger disk",
            )

    any_order = True

    @property
    def name(self) -> str:
        """The device's path."""
        return str(self._path)

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink.write."""
        try:
            written = self._direct.write(offset, data)
            offset, data = offset + written, data[written:]
            while data:
                written = os.pwrite(self._fd, data, offset)
                offset, data = offset + written, data[written:]
        except OSError as error:
            raise stopped(self.name, error, resumable=False) from None

    def skip(self, offset: int, length: int) -> None:
        """Zeros, unless what was there may stay."""
        if not self._skip_holes:
            self.zero(offset, length)

    def zero(self, offset: int, length: int) -> None:
        """Written, since the disk may hold anything."""
        while length > 0:
            step = min(length, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def read(self, offset: int, length: int) -> bytes:
        """See Sink.read."""
        return os.pread(self._fd, length, offset)

    def sync(self) -> None:
        """See Sink.sync."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise stopped(self.name, error, resumable=False) from None

    def finish(self, length: int) -> None:
        """All of it has reached the disk."""
        del length
        self.sync()

    def close(self) -> None:
        """See Sink.close."""
        self._direct.close()
        with suppress(OSError):
            os.close(self._fd)
