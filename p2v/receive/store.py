"""Where received disks lie: thin volumes in the pools of this host's LVM, and files in its folders.

Names of volumes and files are made here, of the machine's name, and checked; a path never comes from the other end.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import MissingTool, Runner
from xeninstall.base.sizes import MIB

from ..sink.direct import Direct
from ..sink.model import TargetError, stopped

_LVM = re.compile(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,127}")


@dataclass(frozen=True)
class Room:
    """A storage of this host."""

    name: str
    kind: str  # "thin", "files"
    size_bytes: int
    free_bytes: int
    folder: Path | None = None  # of files

    @property
    def group(self) -> str:
        """The volume group of a thin pool."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Place:
    """A disk's own: a volume, or a file that has another name while it is not whole."""

    path: Path
    volume: str = ""  # GROUP/NAME

    @property
    def growing(self) -> Path:
        """Where it is until it is whole."""
        return self.path if self.volume else self.path.with_name(f".{self.path.name}.partial")


def rooms(folders: Sequence[Path], runner: Runner, *, thin: bool = True) -> list[Room]:
    """Every storage: thin pools, then folders."""
    found = _pools(runner) if thin else []
    for folder in folders:
        if folder.is_dir():
            usage = shutil.disk_usage(folder)
            found.append(Room(folder.name or "files", "files", usage.total, usage.free, folder))
    return found


def _pools(runner: Runner) -> list[Room]:
    columns = "vg_name,lv_name,lv_attr,lv_size,data_percent"
    options = ["--reportformat", "json", "--units", "b", "--nosuffix", "-o", columns]
    try:
        done = runner.run(["lvs", *options], check=False)
        rows = json.loads(done.stdout)["report"][0]["lv"] if done.status == 0 else []
    except (MissingTool, ValueError, KeyError, IndexError, TypeError):
        return []
    found = []
    for row in rows:
        if str(row["lv_attr"]).startswith("t"):
            size = int(float(row["lv_size"]))
            free = int(size * (100 - float(row["data_percent"] or 0)) / 100)
            found.append(Room(f"{row['vg_name']}/{row['lv_name']}", "thin", size, free))
    return found


def place_of(room: Room, name: str, number: int) -> Place:
    """Where disk `number` of the machine goes. `name` is plain."""
    own = f"{name}-disk{number}"
    if room.folder is not None:
        return Place(room.folder / f"{own}.img")
    assert _LVM.fullmatch(room.group) and _LVM.fullmatch(own)
    return Place(Path("/dev") / room.group / own, f"{room.group}/{own}")


def check_free(place: Place, runner: Runner) -> None:
    """Raises TargetError when there is a volume or a file of that name."""
    if place.volume and runner.run(["lvs", place.volume], check=False).status == 0:
        raise TargetError(f"there is a volume {place.volume} already", hint="choose another --name, or remove it by lvremove")
    if not place.volume and (os.path.lexists(place.path) or os.path.lexists(place.growing)):
        raise TargetError(f"there is a file {place.path} already", hint="choose another --name, or remove it")


def make(room: Room, place: Place, size_bytes: int, runner: Runner) -> None:
    """Take the place: a volume or a file of that size, all zeros. Raises TargetError."""
    if place.volume:
        size = ["--virtualsize", f"{size_bytes}b", "--thinpool", room.name]
        runner.run(["lvcreate", "--yes", "--wipesignatures", "n", "--type", "thin", *size, "--name", place.path.name, room.group])
        return
    try:
        fd = os.open(place.growing, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, size_bytes)
        finally:
            os.close(fd)
    except OSError as error:
        raise TargetError(f"{place.growing} cannot be made: {error.strerror}", hint="see what is there") from None


def settle(place: Place) -> None:
    """It is whole: a file gets its name."""
    if not place.volume and place.growing.exists():
        place.growing.rename(place.path)


def remove(place: Place, runner: Runner) -> None:
    """It is not wanted any more."""
    if place.volume:
        if runner.run(["lvs", place.volume], check=False).status == 0:
            runner.run(["lvremove", "--yes", place.volume])
        return
    place.growing.unlink(missing_ok=True)
    place.path.unlink(missing_ok=True)


class Opened:
    """A place that is written to and read. Raises Error."""

    def __init__(self, place: Place, size_bytes: int) -> None:
        self._place, self.size_bytes = place, size_bytes
        path = place.growing if place.volume or place.growing.exists() else place.path
        self._name = str(place.path)
        try:
            # A volume's name is a link that udev made; a file of ours is none.
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (0 if place.volume else os.O_NOFOLLOW))
        except OSError as error:
            raise TargetError(f"{path} cannot be opened: {error.strerror}", hint="see whether it was removed") from None
        self._direct = Direct(path, self._fd)

    def write(self, offset: int, data: memoryview) -> None:
        """All of it."""
        if offset + len(data) > self.size_bytes:
            raise TargetError(f"byte {offset + len(data)} lies behind the end of {self._name}")
        try:
            written = self._direct.write(offset, data)
            offset, data = offset + written, data[written:]
            while data:
                written = os.pwrite(self._fd, data, offset)
                offset, data = offset + written, data[written:]
        except OSError as error:
            raise self._stopped(error) from None

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes."""
        try:
            return os.pread(self._fd, length, offset)
        except OSError as error:
            raise TargetError(f"{self._name} cannot be read: {error.strerror}", hint="see that its disk is healthy") from None

    def forget(self) -> None:
        """Out of the kernel's memory, so that what is read next comes from the medium."""
        self.sync()
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """What was written survives a power cut."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise self._stopped(error) from None

    def clear(self, start: int, end: int) -> None:
        """From there to there zeros, whatever an earlier run left; of a file all that follows, too."""
        try:
            if not self._place.volume:
                os.ftruncate(self._fd, min(start, self.size_bytes))
                os.ftruncate(self._fd, self.size_bytes)
                return
            end = min(end, self.size_bytes)
            for offset in range(start, end, MIB):
                data = os.pread(self._fd, min(MIB, end - offset), offset)
                if data.strip(b"\0"):
                    os.pwrite(self._fd, bytes(len(data)), offset)
        except OSError as error:
            raise self._stopped(error) from None

    def close(self) -> None:
        """Let go of it."""
        self._direct.close()
        os.close(self._fd)

    def _stopped(self, error: OSError) -> Error:
        return stopped(self._name, error, resumable=True)
