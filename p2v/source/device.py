"""A block device as a Reader: set read-only in the kernel while we hold it, and refused while something may write to it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xeninstall.base.errors import RequirementError
from xeninstall.base.mountinfo import own_mounts

from .file import FileReader

# linux/fs.h: set and get a device's read-only state, and drop its cached blocks.
_BLKROSET, _BLKROGET = 0x125D, 0x125E


class DeviceReader(FileReader):
    """A disk. Its read-only state is what it was before once it is closed.

    Raises RequirementError when it, or a part of it, is mounted for writing and `allow_mounted` is not set.
    """

    def __init__(self, path: str | Path, *, allow_mounted: bool = False) -> None:
        mounts = writable_mounts(Path(path))
        if mounts and not allow_mounted:
            raise RequirementError(
                f"{path} is in use: {', '.join(mounts)} mounted for writing, so it changes while it is copied",
                hint="unmount it, or boot from the medium, or take a copy as after a power cut with --allow-mounted",
            )
        super().__init__(path)
        self.mounted = mounts
        self._was_read_only = True
        with suppress(OSError):  # Not ours to set without root; opened read-only it is in any case.
            self._was_read_only = bool(struct.unpack("i", fcntl.ioctl(self._fd, _BLKROGET, bytes(4)))[0])
            if not mounts and not self._was_read_only:
                fcntl.ioctl(self._fd, _BLKROSET, struct.pack("i", 1))

    def close(self) -> None:
        """Give the device back as it was."""
        if not self._was_read_only and not self.mounted:
            with suppress(OSError):
                fcntl.ioctl(self._fd, _BLKROSET, struct.pack("i", 0))
        super().close()


def writable_mounts(path: Path) -> list[str]:
    """Where the device, its partitions or anything built upon them is mounted for writing."""
    try:
        numbers = set(_numbers(path.stat().st_rdev))
    except OSError:
        return []
    found = []
    with suppress(OSError):
        # The mount may be read-only over a superblock that is not.
        found += [mount.place for mount in own_mounts() if mount.number in numbers and "rw" in mount.options.split(",")]
        for line in Path("/proc/swaps").read_text().splitlines()[1:]:
            swap = line.split()[0]
            with suppress(OSError):
                device = Path(swap).stat().st_rdev
                if device and f"{os.major(device)}:{os.minor(device)}" in numbers:
                    found.append(f"{swap} (swap)")
    return list(dict.fromkeys(found))


def _numbers(device: int) -> Iterator[str]:
    number = f"{os.major(device)}:{os.minor(device)}"
    yield number
    place = Path("/sys/dev/block") / number
    for below in [*place.glob("*/partition"), *place.glob("holders/*/dev")]:
        with suppress(OSError):
            text = (below.parent / "dev").read_text().strip()
            yield from _numbers(os.makedev(*map(int, text.split(":"))))


@contextmanager
def open_source(path: str, *, allow_mounted: bool = False) -> Iterator[FileReader]:
    """A device or an image file, whichever it is."""
    is_device = Path(path).is_block_device()
    reader = DeviceReader(path, allow_mounted=allow_mounted) if is_device else FileReader(path)
    try:
        yield reader
    finally:
        reader.close()
