"""A disk with changes laid over it: they go into a qcow2 file, and nothing of them reaches the disk.

The whole is shown as a raw file, which can be mounted over a loop device and written to. An image is made of it by reading what
was changed from there, and all else from the disk itself.
"""

import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.run import Runner

from ..types import Extent, Extents
from .device import DeviceReader
from .file import FileReader, SourceError
from .view import PREFIX, await_shown, sweep


class OverlayReader:
    """A DiskReader over the disk and the changes that are there when it is made."""

    def __init__(self, disk: FileReader, view: Path, changed: Extents) -> None:
        self._disk, self._view, self.changed = disk, FileReader(view), changed
        self._starts = [extent.start for extent in changed]

    @property
    def name(self) -> str:
        """The disk's own."""
        return self._disk.name

    @property
    def size_bytes(self) -> int:
        """The disk's own."""
        return self._disk.size_bytes

    @property
    def shown(self) -> str:
        """See DiskReader.shown."""
        return self._view.name

    @property
    def mounted(self) -> list[str]:
        """See DiskReader.mounted."""
        return self._disk.mounted

    def holes(self) -> Extents:
        """See DiskReader.holes: those of the disk that nothing was written into."""
        return tuple(piece for hole in self._disk.holes() for piece, is_changed in self._pieces(*hole) if not is_changed)

    def expect(self, offset: int, length: int) -> None:
        """See DiskReader.expect."""
        self._disk.expect(offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """See Reader.read."""
        buffer = bytearray(max(min(length, self.size_bytes - offset), 0) if offset >= 0 else 0)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """See Reader.read_into."""
        for (start, length), is_changed in self._pieces(offset, len(buffer)):
            part = buffer[start - offset : start - offset + length]
            (self._view if is_changed else self._disk).read_into(start, part)

    def close(self) -> None:
        """Let go of the view; the disk belongs to the overlay."""
        self._view.close()

    def _pieces(self, start: int, length: int) -> Iterator[tuple[Extent, bool]]:
        """The run in pieces that were changed and pieces that were not."""
        end = start + length
        index = max(bisect_right(self._starts, start) - 1, 0)
        while start < end:
            while index < len(self.changed) and self.changed[index].end <= start:
                index += 1
            following = self.changed[index] if index < len(self.changed) else Extent(end, 0)
            if following.start > start:
                stop = min(following.start, end)
                yield Extent(start, stop - start), False
            else:
                stop = min(following.end, end)
                yield Extent(start, stop - start), True
            start = stop


class Overlay:
    """An open overlay. `view` is the raw file."""

    def __init__(self, disk: FileReader, file: Path, view: Path, runner: Runner) -> None:
        self._disk, self._file, self.view, self._runner = disk, file, view, runner

    @contextmanager
    def reader(self) -> Iterator[OverlayReader]:
        """The disk as it has become. What is written to the view from now on is not seen: end all writing before."""
        fd = os.open(self.view, os.O_RDONLY)
        try:
            os.fsync(fd)  # so that the file itself tells of every change
        finally:
            os.close(fd)
        reader = OverlayReader(self._disk, self.view, changes(self._file, self._disk.size_bytes, self._runner))
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def overlay(
    disk: str, file: Path, runner: Runner, *, view: Path | None = None, writable: bool = True, allow_mounted: bool = False
) -> Iterator[Overlay]:
    """Show the disk with the changes in `file`, which is made when it is not there. Raises Error."""
    if not file.exists():
        if not writable:
            raise SourceError(f"{file} does not exist", hint="make changes with p2v overlay first")
        runner.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", os.path.realpath(disk), str(file)])
    sweep(runner)
    is_device = Path(disk).is_block_device()
    reader = DeviceReader(disk, allow_mounted=allow_mounted) if is_device else FileReader(disk)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        place = view or Path(folder) / "disk"
        place.touch()
        process = runner.start(_daemon(disk, is_device, file, place, writable))
        try:
            await_shown(process, {place: None})
            yield Overlay(reader, file, place, runner)
        finally:
            process.stop()
            if os.path.ismount(place):
                runner.run(["umount", "-l", str(place)], check=False)
            reader.close()


def changes(file: Path, size_bytes: int, runner: Runner) -> Extents:
    """Where an overlay holds something: depth 0 of qemu-img's map. Raises Error."""
    told = json.loads(runner.run(["qemu-img", "map", "--output=json", "-U", "-f", "qcow2", str(file)]).stdout)
    found: list[Extent] = []
    for part in told:
        start, end = int(part["start"]), min(int(part["start"]) + int(part["length"]), size_bytes)
        if part["depth"] != 0 or not part.get("present", True) or start >= end:
            continue
        if found and found[-1].end == start:
            start = found.pop().start
        found.append(Extent(start, end - start))
    return tuple(found)


def _daemon(disk: str, is_device: bool, file: Path, place: Path, writable: bool) -> list[str]:
    base = {"driver": "host_device" if is_device else "file", "filename": os.path.realpath(disk), "read-only": True}
    node = {
        "driver": "qcow2",
        "node-name": "node",
        "read-only": not writable,
        "discard": "unmap",
        "file": {"driver": "file", "filename": str(file), "read-only": not writable},
        # Named here and not taken from the file, so that it is opened for reading only.
        "backing": {"driver": "raw", "read-only": True, "file": base | {"locking": "off"}},
    }
    export = {"type": "fuse", "id": "export", "node-name": "node", "mountpoint": str(place), "writable": writable}
    return ["qemu-storage-daemon", "--blockdev", json.dumps(node), "--export", json.dumps(export)]
