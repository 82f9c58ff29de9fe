"""One image to be made: its disks, its layout, its journal, its sink; begun anew or taken up where an earlier run stopped."""

import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.base.sizes import MIB, format_size

from .blockmap.model import DiskMap
from .image.model import Disk, Identity
from .image.table import FORMATS, Format
from .journal import Job, Journal, JournalError, Source, fingerprint, journal_of, read_journal
from .request import Goal, Request
from .sink.device import DeviceSink
from .sink.file import FileSink, partial_of
from .sink.pipe import PipeSink
from .types import Coded, DiskData, DiskReader, Hole, ImageWriter, Late, Literal, Patch, Piece, Sink

# What the file system of the target needs besides the image.
_SPARE = 16 * MIB


@dataclass(frozen=True)
class Task:
    """An image in the making. `journal` is None where there is no place for one: a pipe, a disk."""

    goal: Goal
    job: Job
    writer: ImageWriter
    readers: tuple[DiskReader, ...]
    journal: Journal | None

    @property
    def format(self) -> Format:
        """The format's row."""
        return FORMATS[self.job.format]

    @property
    def disk_bytes(self) -> int:
        """How much is read for it."""
        return sum(source.block_map().used_bytes for source in self.job.sources)

    @property
    def is_copied(self) -> bool:
        """Whether an earlier run wrote all of it; qemu-img may have to follow."""
        return self.journal is not None and self.journal.record.complete

    @property
    def written_to(self) -> Path | None:
        """Where our own bytes go: beside the image where qemu-img makes it of them."""
        path = self.goal.path
        return path.with_name(path.name + ".raw") if path is not None and self.format.by_qemu else path


def begun(goal: Goal) -> bool:
    """Whether an earlier run left a journal."""
    return goal.path is not None and journal_of(goal.path).exists()


def unfinished(goal: Goal) -> bool:
    """Whether an earlier run left something that is not whole yet."""
    return goal.path is not None and begun(goal) and not (read_journal(journal_of(goal.path)).complete and goal.path.exists())


def resume_task(request: Request, goal: Goal, readers: Sequence[DiskReader], stack: ExitStack) -> Task:
    """Take up what an earlier run began. Raises JournalError when disks or options are others than then."""
    assert goal.path is not None
    path = journal_of(goal.path)
    record = read_journal(path)
    journal = Journal.closed(path, record) if record.complete else Journal.resume(path)
    stack.callback(journal.close)
    job = journal.record.job
    chosen = tuple(readers[number] for number in goal.disks)
    check_job(job, request, chosen, str(path), "remove the image's files and start again")
    task = Task(goal, job, _writer(job, chosen), chosen, journal)
    if task.is_copied and not goal.path.exists() and not (task.written_to or goal.path).exists():
        raise JournalError(
            f"{path} says that the image is complete, but {goal.path} is gone", hint="remove the journal, and start again"
        )
    return task


def check_job(job: Job, request: Request, chosen: Sequence[DiskReader], path: str, anew: str) -> None:
    """Whether a journal belongs to these disks and options. Raises JournalError when they are others than when it was begun.

    `anew` says how to drop what was begun.
    """
    if (job.format, job.options) != (request.format, request.options()):
        raise JournalError(f"{path} was begun with other options", hint=f"give the same --format and options, or {anew}")
    if [source.size_bytes for source in job.sources] != [reader.size_bytes for reader in chosen]:
        raise JournalError(f"{path} was begun with other disks", hint=f"name the same disks in the same order, or {anew}")
    for source, reader in zip(job.sources, chosen, strict=True):
        if source.fingerprint and source.fingerprint != fingerprint(reader):
            raise JournalError(
                f"{reader.name} has changed since {path} was begun", hint=f"name the disk that it was begun with, or {anew}"
            )


def sent_task(
    request: Request, goal: Goal, readers: Sequence[DiskReader], maps: Sequence[DiskMap], begin: Callable[[Job], Journal]
) -> Task:
    """One whose journal the target keeps: `begin` gives a new one for this job, or the one that an earlier run left."""
    chosen = tuple(readers[number] for number in goal.disks)
    journal = begin(_new_job(request, goal, chosen, maps))
    job = journal.record.job
    check_job(job, request, chosen, f"what is halfway on the target of {goal.name}", "drop it by --discard")
    return Task(goal, job, _writer(job, chosen), chosen, journal)


def new_task(request: Request, goal: Goal, readers: Sequence[DiskReader], maps: Sequence[DiskMap], stack: ExitStack) -> Task:
    """Begin one. Raises UsageError when a file of its name is there, RequirementError when the disk or the image does not fit."""
    chosen = tuple(readers[number] for number in goal.disks)
    job = _new_job(request, goal, chosen, maps)
    task = Task(goal, job, _writer(job, chosen), chosen, None)
    path = goal.path
    if path is None or path.is_block_device():
        return task
    for place in (path, partial_of(path), journal_of(path)):
        if os.path.lexists(place):
            raise UsageError(f"{place} exists already", hint="name another, remove it, or go on with a stopped run by --resume")
    _check_room(task, path.parent)
    journal = Journal.start(journal_of(path), task.job)
    stack.callback(journal.close)
    return replace(task, journal=journal)


def _new_job(request: Request, goal: Goal, chosen: Sequence[DiskReader], maps: Sequence[DiskMap]) -> Job:
    sources = tuple(
        Source.of(reader, maps[number].block_map, maps[number].zeros) for reader, number in zip(chosen, goal.disks, strict=True)
    )
    job = Job(request.format, request.options(), uuid.uuid4().hex, int(time.time()), None, sources)
    return replace(job, length_bytes=_writer(job, chosen).length_bytes)


def open_sink(task: Task) -> Sink:
    """Where it goes. Raises Error."""
    path = task.written_to
    if path is None:
        if sys.stdout.isatty():
            raise UsageError("an image is not for a terminal", hint="send it into a file or another program")
        return PipeSink(sys.stdout.fileno())
    if path.is_block_device():
        return DeviceSink(path, task.writer.length_bytes or 0)
    at = task.journal.record.at if task.journal is not None else 0
    if at and not partial_of(path).exists() and path.exists():
        # The last run ended between the image's name and the journal's last line.
        path.rename(partial_of(path))
    if at == 0:
        partial_of(path).unlink(missing_ok=True)
    return FileSink(path, resume_at=at or None)


def _check_room(task: Task, folder: Path) -> None:
    needed = sum(map(_piece_bytes, task.writer.pieces())) if task.job.length_bytes else task.disk_bytes
    if task.format.by_qemu:
        needed *= 2
    free = shutil.disk_usage(folder).free
    if needed + _SPARE > free:
        raise RequirementError(
            f"{folder} has {format_size(free)} left, and {task.goal.name} needs {format_size(needed)}",
            hint="make room, or name another folder",
        )


def _piece_bytes(piece: Piece) -> int:
    match piece:
        case Hole():
            return 0
        case Literal(data):
            return len(data)
        case Coded(coded_length=length):
            return length or 0
        case DiskData(length=length) | Late(length=length):
            return length or 0
        case Patch():
            return 0


def _writer(job: Job, readers: Sequence[DiskReader]) -> ImageWriter:
    disks = [Disk(source.block_map(), Path(reader.name).stem) for source, reader in zip(job.sources, readers, strict=True)]
    return FORMATS[job.format].make(disks, Identity(uuid.UUID(job.seed), job.time), job.options)


def image_length(request: Request, goal: Goal, readers: Sequence[DiskReader], maps: Sequence[DiskMap]) -> int | None:
    """How long the image would be; None where compression decides it. Raises FormatError when a disk does not fit the format."""
    chosen = [readers[number] for number in goal.disks]
    disks = [Disk(found.block_map, Path(reader.name).stem) for found, reader in zip(maps, chosen, strict=True)]
    return FORMATS[request.format].make(disks, Identity(uuid.UUID(int=0), 0), request.options()).length_bytes
