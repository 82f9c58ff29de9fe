"""The journal beside an image: what it was made from and how, and each chunk's digest as soon as the chunk is safe.

Lines of JSON. The first describes the job, so that a stopped copy goes on with the same map and makes the same image. Each
further line is a checkpoint: how far the image is certain, and the chunks since the last one. The last line closes it with the
digest of the whole manifest. A torn line at the end, from a power cut, is as if it had not been written.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from xeninstall.base.errors import Error, Stopped, UsageError

from .blockmap.extents import union
from .types import BlockMap, Extent, Extents, Reader

VERSION = 1
_MIB = 1 << 20


class JournalError(Error):
    """A journal cannot be read, or does not belong to what is to be done."""


@dataclass(frozen=True)
class Source:
    """One disk that is copied: enough to see that it is the same one."""

    name: str
    size_bytes: int
    fingerprint: str
    used: tuple[int, ...]  # start, length, start, length, …
    zeros: tuple[int, ...] = ()  # in use, too, and not read since it was known to be zero

    @classmethod
    def of(cls, reader: Reader, block_map: BlockMap, zeros: Extents = ()) -> Self:
        """A disk as it is now."""
        return cls(reader.name, reader.size_bytes, fingerprint(reader), _flat(block_map.used), _flat(zeros))

    def block_map(self) -> BlockMap:
        """The map that the copy was begun with."""
        return BlockMap(self.size_bytes, _extents(self.used))

    def whole_map(self) -> BlockMap:
        """The same with what was known to be zero: all that a disk must be given."""
        return BlockMap(self.size_bytes, union(_extents(self.used), _extents(self.zeros)))


@dataclass(frozen=True)
class Job:
    """What is made of which disks. `options` and `identity` are the format's own."""

    format: str
    options: dict[str, str]
    seed: str
    time: int
    length_bytes: int | None
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Chunk:
    """A run of the image that is in place, with its xxh3-128."""

    offset: int
    length: int
    digest: str


@dataclass
class Record:
    """A journal as read."""

    job: Job
    at: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    bad: list[tuple[int, Extent]] = field(default_factory=list)
    length_bytes: int | None = None
    manifest: str = ""

    @property
    def complete(self) -> bool:
        """Whether the image was finished."""
        return bool(self.manifest)


def _flat(extents: Extents) -> tuple[int, ...]:
    return tuple(number for extent in extents for number in extent)


def _extents(flat: tuple[int, ...]) -> Extents:
    return tuple(Extent(start, length) for start, length in zip(flat[::2], flat[1::2], strict=True))


def journal_of(image: Path) -> Path:
    """Where an image's journal is."""
    return image.with_name(image.name + ".p2v")


def fingerprint(reader: Reader) -> str:
    """A digest of a disk's first and last MiB, where its identifiers and tables are. Empty when they cannot be read."""
    try:
        ends = reader.read(0, _MIB) + reader.read(max(reader.size_bytes - _MIB, 0), _MIB)
    except OSError:
        return ""
    return hashlib.sha256(ends).hexdigest()


def manifest(job: Job, chunks: Iterable[Chunk]) -> str:
    """The sha256 over the job and every chunk, in order."""
    digest = hashlib.sha256(json.dumps(asdict(job), sort_keys=True).encode())
    for chunk in chunks:
        digest.update(f"{chunk.offset} {chunk.length} {chunk.digest}\n".encode())
    return digest.hexdigest()


class Journal:
    """A journal being written."""

    def __init__(self, path: Path, record: Record, fd: int) -> None:
        self._path, self.record, self._fd = path, record, fd

    @classmethod
    def start(cls, path: Path, job: Job) -> Self:
        """A new one. Raises UsageError when there is one already."""
        # Under another name until its first line is whole: a journal without one could neither be resumed nor be understood.
        growing = path.with_name(path.name + ".new")
        try:
            growing.unlink(missing_ok=True)
            fd = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path} cannot be written: {error.strerror}") from None
        journal = cls(path, Record(job), fd)
        try:
            journal.begin()
            if path.exists():
                raise UsageError(f"{path} is left from an earlier run", hint="go on with it by --resume, or remove it")
            growing.rename(path)
        except BaseException as error:
            journal.close()
            growing.unlink(missing_ok=True)
            if isinstance(error, Stopped):
                raise JournalError(error.message, hint="see that there is room, and start again") from None
            raise
        return journal

    @classmethod
    def closed(cls, path: Path, record: Record) -> Self:
        """The one of a complete image: it takes no more lines."""
        return cls(path, record, -1)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """The one that a stopped run left. Raises JournalError when there is nothing to go on with."""
        record, length = _read(path)
        if record.complete:
            raise JournalError(
                f"{path} says that the image is complete", hint="there is nothing to resume; check it with p2v verify"
            )
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(fd, length)
        return cls(path, record, fd)

    def begin(self) -> None:
        """Write the first line, which describes the job."""
        self._append({"p2v": VERSION, **asdict(self.record.job)})

    def checkpoint(self, at: int, chunks: list[Chunk], bad: list[tuple[int, Extent]]) -> None:
        """All before `at` is safe, with these chunks since the last time."""
        self.record.at = at
        self.record.chunks += chunks
        self.record.bad += bad
        listed = [[chunk.offset, chunk.length, chunk.digest] for chunk in chunks]
        self._append({"at": at, "chunks": listed, "bad": [[disk, *extent] for disk, extent in bad]})

    def finish(self, length_bytes: int) -> str:
        """The image is complete. The manifest's digest is returned."""
        self.record.length_bytes = length_bytes
        self.record.manifest = manifest(self.record.job, self.record.chunks)
        self._append({"done": length_bytes, "sha256": self.record.manifest})
        return self.record.manifest

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)

    def _append(self, line: dict[str, object]) -> None:
        self._keep(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def _keep(self, line: bytes) -> None:
        """Return when the line survives a power cut. Raises Stopped."""
        try:
            data = memoryview(line)
            while data:
                data = data[os.write(self._fd, data) :]
            os.fdatasync(self._fd)
        except OSError as error:
            hint = "see that there is room, then go on with --resume"
            raise Stopped(f"{self._path} cannot be written: {error.strerror}", hint=hint) from None


class MemoryJournal(Journal):
    """One that lasts as long as the process: a copy goes on with it over a new connection, not after a power cut."""

    def __init__(self, job: Job) -> None:
        super().__init__(Path("-"), Record(job), -1)

    def rewind(self, at: int) -> int:
        """Only what lies before this byte is certain after all. Returns where the copy goes on: there, or a chunk before."""
        if at < self.record.at:
            self.record.chunks = [chunk for chunk in self.record.chunks if chunk.offset + chunk.length <= at]
            self.record.at = max((chunk.offset + chunk.length for chunk in self.record.chunks), default=0)
            self.record.bad = []
        return self.record.at

    def _keep(self, line: bytes) -> None:
        """It is in `record`."""


def read_journal(path: Path) -> Record:
    """A journal. Raises UsageError when there is none, JournalError when it cannot be understood."""
    return _read(path)[0]


def _read(path: Path) -> tuple[Record, int]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", hint="p2v keeps it beside each image that it makes") from None
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from None
    return parse_journal(data, str(path))


def parse_journal(data: bytes, name: str) -> tuple[Record, int]:
    """What a journal says, and how many bytes of it are whole lines. Raises JournalError."""
    whole = data[: data.rfind(b"\n") + 1]
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        record = Record(_job(lines[0]))
        for line in lines[1:]:
            if "done" in line:
                record.length_bytes, record.manifest = int(line["done"]), str(line["sha256"])
                continue
            record.at = int(line["at"])
            record.chunks += [Chunk(int(offset), int(length), str(digest)) for offset, length, digest in line["chunks"]]
            record.bad += [(int(disk), Extent(int(start), int(length))) for disk, start, length in line["bad"]]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise JournalError(
            f"{name} is damaged ({type(error).__name__}: {error})"[:300], hint="start again without --resume"
        ) from None
    return record, len(whole)


def _job(line: dict[str, Any]) -> Job:
    if line["p2v"] != VERSION:
        raise ValueError(f"version {line['p2v']}")
    sources = tuple(
        Source(
            str(item["name"]), int(item["size_bytes"]), str(item["fingerprint"]), _numbers(item["used"]), _numbers(item["zeros"])
        )
        for item in line["sources"]
    )
    length = None if line["length_bytes"] is None else int(line["length_bytes"])
    options = {str(key): str(value) for key, value in line["options"].items()}
    return Job(str(line["format"]), options, str(line["seed"]), int(line["time"]), length, sources)


def _numbers(items: list[Any]) -> tuple[int, ...]:
    return tuple(int(item) for item in items)
