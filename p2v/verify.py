"""Reading an image again, chunk by chunk, against the digests that its journal kept when it was made."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import xxhash

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.events import Emit, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB

from .image.table import FORMATS
from .journal import Record, journal_of, manifest, read_journal
from .source.file import FileReader
from .source.view import image_view

_MAX_TOLD = 5


class WrongImage(Error):
    """An image is not what its journal says."""


@dataclass(frozen=True)
class Verified:
    """What was compared."""

    bytes: int
    chunks: int
    manifest: str


def verify(image: Path, runner: Runner, emit: Emit) -> Verified:
    """Compare all of it. Raises WrongImage with the first places that differ, JournalError, UsageError."""
    record = read_journal(journal_of(image))
    if not record.complete:
        raise WrongImage(f"{image} is not complete: it was made up to byte {record.at}", hint="go on with p2v convert --resume")
    if manifest(record.job, record.chunks) != record.manifest:
        raise WrongImage(f"{journal_of(image)} has been changed: its own digest is wrong", hint="make the image again")
    if not image.exists():
        raise UsageError(f"{image} does not exist", hint="name the image that p2v convert made")
    emit(StageStarted("verify", f"Reading {image}", 1, 1))
    with ExitStack() as stack:
        path = image
        if FORMATS[record.job.format].by_qemu:
            # Its chunks are those of the disk, which qemu shows as it is.
            path = stack.enter_context(image_view(image, FORMATS[record.job.format].qemu_driver, runner))
        reader = FileReader(path)
        stack.callback(reader.close)
        wrong = _compare(reader, record, emit)
        if not wrong and not FORMATS[record.job.format].by_qemu:
            wrong = _surplus(reader, record)
    emit(StageFinished("verify", 0.0))
    if wrong:
        more = f" and {len(wrong) - _MAX_TOLD} more places" if len(wrong) > _MAX_TOLD else ""
        raise WrongImage(
            f"{image} is damaged: {'; '.join(wrong[:_MAX_TOLD])}{more}", hint="make it again, and check the target's disk"
        )
    return Verified(sum(chunk.length for chunk in record.chunks), len(record.chunks), record.manifest)


def _compare(reader: FileReader, record: Record, emit: Emit) -> list[str]:
    wrong, done = [], 0
    total = sum(chunk.length for chunk in record.chunks)
    if reader.size_bytes < (record.length_bytes or 0):
        wrong.append(f"it has {reader.size_bytes} bytes instead of {record.length_bytes}")
    for chunk in record.chunks:
        try:
            data = reader.read(chunk.offset, chunk.length)
        except OSError as error:
            wrong.append(f"byte {chunk.offset} cannot be read ({error.strerror})")
            continue
        if xxhash.xxh3_128_hexdigest(data) != chunk.digest:
            wrong.append(f"bytes {chunk.offset} to {chunk.offset + chunk.length - 1} differ")
        done += chunk.length
        emit(Progress("verify", done, total))
    return wrong


def _surplus(reader: FileReader, record: Record) -> list[str]:
    """Places between the chunks that should be holes, and hold something."""
    if reader.size_bytes != record.length_bytes:
        return [f"it has {reader.size_bytes} bytes instead of {record.length_bytes}"]
    wrong, place = [], 0
    chunks = sorted((chunk.offset, chunk.offset + chunk.length) for chunk in record.chunks)
    for start, end in [*chunks, (reader.size_bytes, 0)]:
        if start > place and (at := _data_in(reader, place, start)) is not None:
            wrong.append(f"byte {at} is not zero, where nothing is in use")
        place = max(place, end)
    return wrong


def _data_in(reader: FileReader, start: int, end: int) -> int | None:
    while start < end:
        try:
            start = os.lseek(reader.fileno(), start, os.SEEK_DATA)
        except OSError:
            return None  # No data up to the end of the file.
        if start >= end:
            return None
        data = reader.read(start, min(MIB, end - start))
        if data.strip(b"\0"):
            return start + len(data) - len(data.lstrip(b"\0"))
        start += len(data)
    return None
