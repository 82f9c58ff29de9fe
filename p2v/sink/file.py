"""An image file. Until it is complete it is called `NAME.partial`, so that nothing half-done carries the image's name."""

import os
from contextlib import suppress
from pathlib import Path

from xeninstall.base.errors import UsageError

from .direct import Direct
from .model import TargetError, stopped

_LARGE_BYTES = 256 * 1024


def partial_of(path: Path) -> Path:
    """Where the image grows."""
    return path.with_name(path.name + ".partial")


class FileSink:
    """A new file, or with `resume_at` the one that an earlier run left, from that byte on."""

    def __init__(self, path: Path, *, resume_at: int | None = None) -> None:
        self._path, self._partial = path, partial_of(path)
        if resume_at is None:
            for there in (path, self._partial):
                if os.path.lexists(there):
                    hint = "name another, remove it, or go on with --resume where an earlier run stopped"
                    raise UsageError(f"{there} exists already", hint=hint)
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if resume_at is None else 0)
        try:
            self._fd = os.open(self._partial, flags, 0o600)
            if resume_at is not None:
                # Behind the last certain byte may be anything, and where holes are left there must be zeros.
                os.ftruncate(self._fd, resume_at)
        except OSError as error:
            raise TargetError(
                f"{self._partial} cannot be opened: {error.strerror}", hint="see that its folder is there"
            ) from None
        self._direct = Direct(self._partial, self._fd)

    any_order = True

    @property
    def name(self) -> str:
        """The image's path."""
        return str(self._path)

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink.write."""
        try:
            written = self._direct.write(offset, data)
            offset, data = offset + written, data[written:]
            start, length = offset, len(data)
            while data:
                written = os.pwrite(self._fd, data, offset)
                offset, data = offset + written, data[written:]
            if length >= _LARGE_BYTES:
                # The kernel begins to write it out at once, so that little is left to wait for at the end.
                os.posix_fadvise(self._fd, start, length, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise stopped(self.name, error, resumable=True) from None

    def skip(self, offset: int, length: int) -> None:
        """A hole, since the file is new."""

    def zero(self, offset: int, length: int) -> None:
        """A hole: it reads as zeros."""

    def read(self, offset: int, length: int) -> bytes:
        """See Sink.read."""
        return os.pread(self._fd, length, offset)

    def sync(self) -> None:
        """See Sink.sync."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise stopped(self.name, error, resumable=True) from None

    def finish(self, length: int) -> None:
        """Give it its length and its name."""
        try:
            os.ftruncate(self._fd, length)
            os.fsync(self._fd)
            self._partial.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise stopped(self.name, error, resumable=True) from None

    def close(self) -> None:
        """See Sink.close."""
        self._direct.close()
        with suppress(OSError):
            os.close(self._fd)
