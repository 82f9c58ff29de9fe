"""What is on its way to this host, on its own disk: one folder a machine with what was reserved and each disk's journal.

It is there from the reservation until the machine is defined, so that a stopped conversion is resumed or removed whatever
happened in between. A token, known to the connections of one conversion, ties data to it.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB

from ..sink.model import TargetError
from ..target.names import plain
from .store import Place, Room, check_free, make, place_of, remove

MOST_DISKS = 64
MOST_BYTES = 1 << 50
_STATE = "state.json"


@dataclass(frozen=True)
class IncomingDisk:
    """One disk on its way."""

    size_bytes: int
    used_bytes: int
    path: str
    volume: str

    @property
    def place(self) -> Place:
        """Where it goes."""
        return Place(Path(self.path), self.volume)

    @property
    def missing_bytes(self) -> int:
        """How much room of a file is still to be taken; for a volume, whose pool counts it, all that may come."""
        growing = self.place.growing
        if self.volume or not growing.exists():
            return self.used_bytes
        return max(self.used_bytes - growing.stat().st_blocks * 512, 0)


@dataclass(frozen=True)
class Incoming:
    """One machine on its way."""

    folder: Path
    name: str
    token: str
    storage: str
    disks: tuple[IncomingDisk, ...]
    config: str = ""  # xl's file of it, from the moment on in which it may be there

    @property
    def is_defined(self) -> bool:
        """Whether it is a machine of this host."""
        return bool(self.config) and Path(self.config).exists()

    def journal(self, number: int) -> Path:
        """Where the journal of a disk is."""
        return self.folder / f"{number}.journal"

    def journal_limit(self, number: int) -> int:
        """The most bytes that one may have: a line a MiB, and a map of small runs."""
        return 64 * MIB + self.disks[number].size_bytes // 4096

    def save(self) -> None:
        """Write it, whole or not at all."""
        state = {"name": self.name, "token": self.token, "storage": self.storage, "config": self.config}
        text = json.dumps({**state, "disks": [asdict(disk) for disk in self.disks]})
        growing = self.folder / f"{_STATE}.new"
        with growing.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        growing.rename(self.folder / _STATE)

    @property
    def is_ours(self) -> bool:
        """Whether it is still on its way."""
        return (self.folder / _STATE).exists()

    def let_go(self) -> None:
        """It is whole, and this host's own: nobody finds it here any more who could remove it."""
        (self.folder / _STATE).unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the folder; the disks stay."""
        self.let_go()
        if self.folder.is_dir():
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()

    def discard(self, runner: Runner) -> None:
        """Remove its disks, its definition and the folder."""
        for disk in self.disks:
            remove(disk.place, runner)
        if self.config:
            Path(self.config).unlink(missing_ok=True)
        self.forget()


@contextmanager
def one_at_a_time(state: Path) -> Iterator[None]:
    """Around a look at the room that is left and its reservation: what two see free at the same time only one gets."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TargetError(f"{state} cannot be made: {error.strerror}", hint="see what is there") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def reserve(state: Path, name: str, room: Room, disks: Sequence[tuple[int, int]], runner: Runner) -> Incoming:
    """Take room for disks of (size, used) bytes. Raises TargetError; then nothing is left of it."""
    own = plain(name)
    waiting = sum(disk.missing_bytes for other in all_incoming(state) if other.storage == room.name for disk in other.disks)
    needed = sum(used for _, used in disks)
    if needed > room.free_bytes - waiting:
        told = f", of which {waiting} are reserved for others" if waiting else ""
        raise TargetError(
            f"{room.name} has {room.free_bytes} bytes left{told}, and {needed} are to come",
            hint="make room, or name another storage",
        )
    folder = state / own
    found = []
    for number, (size, used) in enumerate(disks):
        place = place_of(room, own, number)
        found.append(IncomingDisk(size, used, str(place.path), place.volume))
    incoming = Incoming(folder, name, secrets.token_hex(16), room.name, tuple(found))
    for disk in incoming.disks:
        check_free(disk.place, runner)  # before it is written down as ours, which --discard would remove
    made: list[Place] = []
    try:
        if folder.is_dir() and not incoming.is_ours:
            incoming.forget()  # what was let go of, and not forgotten
        folder.mkdir(parents=True, mode=0o700)
        # Written first: whatever is made from here on can be found and removed.
        incoming.save()
        for disk in incoming.disks:
            make(room, disk.place, disk.size_bytes, runner)
            made.append(disk.place)
    except (Error, OSError) as error:
        for place in made:
            remove(place, runner)
        if folder.is_dir():
            incoming.forget()
        if isinstance(error, OSError):
            raise TargetError(f"{folder} cannot be made: {error.strerror}", hint="see what is there") from None
        raise
    return incoming


def find(state: Path, name: str) -> Incoming | None:
    """What is on its way under this name."""
    return _read(state / plain(name))


def all_incoming(state: Path) -> list[Incoming]:
    """Every machine on its way."""
    if not state.is_dir():
        return []
    return [found for folder in sorted(state.iterdir()) if (found := _read(folder)) is not None]


def _read(folder: Path) -> Incoming | None:
    try:
        found = json.loads((folder / _STATE).read_bytes())
        disks = tuple(IncomingDisk(**disk) for disk in found["disks"])
        name, token, storage, config = (str(found[key]) for key in ("name", "token", "storage", "config"))
        return Incoming(folder, name, token, storage, disks, config)
    except (OSError, ValueError, KeyError, TypeError):
        return None
