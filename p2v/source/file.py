"""An image file or any other readable file as a Reader: opened read-only, read with positioned reads from any thread."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from xeninstall.base.errors import Error, UsageError

from ..types import Extent


class SourceError(Error):
    """A source cannot be opened or read."""


class FileReader:
    """A regular file. Raises UsageError when there is none, SourceError when it cannot be read."""

    def __init__(self, path: str | Path) -> None:
        self._name = str(path)
        self.mounted: list[str] = []  # where it is mounted for writing all the same
        self._fd = open_read_only(self._name)
        try:
            self._size = os.lseek(self._fd, 0, os.SEEK_END)
            kind = os.fstat(self._fd).st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISBLK(kind)):
                raise UsageError(f"{self._name} is neither a disk nor an image file", hint="name a block device or a file")
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def name(self) -> str:
        """The path as given."""
        return self._name

    @property
    def size_bytes(self) -> int:
        """The file's length, or the device's size."""
        return self._size

    @property
    def shown(self) -> str:
        """See DiskReader.shown."""
        return self._name

    def expect(self, offset: int, length: int) -> None:
        """See DiskReader.expect."""
        with suppress(OSError):
            os.posix_fadvise(self._fd, offset, length, os.POSIX_FADV_WILLNEED)

    def holes(self) -> tuple[Extent, ...]:
        """Where a sparse file holds nothing: it reads as zeros without being read. A device has none."""
        found: list[Extent] = []
        place = 0
        while place < self._size:
            try:
                hole = os.lseek(self._fd, place, os.SEEK_HOLE)
            except OSError:
                return ()  # A file system that cannot tell, or a device.
            if hole >= self._size:
                break
            try:
                place = os.lseek(self._fd, hole, os.SEEK_DATA)
            except OSError:
                place = self._size  # Nothing but a hole up to the end.
            found.append(Extent(hole, place - hole))
        return tuple(found)

    def fileno(self) -> int:
        """The open file, for questions to the kernel."""
        return self._fd

    def read(self, offset: int, length: int) -> bytes:
        """See Reader.read."""
        wanted = min(length, self._size - offset)
        if offset < 0 or wanted <= 0:
            return b""
        buffer = bytearray(wanted)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """See Reader.read_into."""
        done = 0
        while done < len(buffer):
            got = os.preadv(self._fd, [buffer[done:]], offset + done)
            if got == 0:
                # A device or file that became shorter while we read it is a medium that fails.
                raise OSError(5, f"ends at {offset + done}, before its {self._size} bytes", self._name)
            done += got

    def close(self) -> None:
        """Let go of the file; one that is gone complains even of that."""
        with suppress(OSError):
            os.close(self._fd)


def open_read_only(path: str) -> int:
    """A descriptor that cannot write."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", hint="list the disks with: lsblk -d") from None
    except PermissionError:
        raise SourceError(f"{path} may not be read", hint="use sudo") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}") from None
