"""Reader × pieces → sink. Pool threads read and digest units ahead of the one thread that puts them in order.

Where the place of a unit is known beforehand and the sink takes bytes in any order, the thread that read it writes it, too: a
medium is the faster the more it is asked for at once. Only the units that are in place without a gap count as done.

Buffers are made once and reused, so that memory stays the same for a disk of any size; they are whole pages, which can be
written past the kernel's cache. Every few seconds, what is written is
made safe and told to the journal, in a thread of its own.
"""

import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import xxhash

from xeninstall.base.errors import Error, Stopped
from xeninstall.base.sizes import MIB

from .journal import Chunk, Journal
from .rescue import Rescuer
from .types import Coded, DiskData, DiskReader, Extent, Hole, ImageWriter, Late, Patch, Sink
from .units import UNIT_BYTES, Data, Unit, units

_BUFFERS = 12
_READERS = 3
_MOST_CODERS = 8  # more would only wait for the medium, and each holds a unit
_ZERO_GRAIN = 64 * 1024  # runs of zeros shorter than this are written like anything else
_ZEROS = bytes(_ZERO_GRAIN)
CHECKPOINT_SECONDS = 2.0
_CHECKPOINT_BYTES = 512 * MIB


@dataclass(frozen=True)
class Outcome:
    """What a copy came to. `bad` are bytes that could not be read, by disk."""

    image_bytes: int
    disk_bytes: int
    seconds: float
    bad: tuple[tuple[int, Extent], ...]
    manifest: str


@dataclass
class _Ready:
    """A unit that was read: its bytes, its digest, where it is not zero, and what of it could not be read."""

    data: memoryview
    digest: str
    runs: list[tuple[int, int]]
    bad: list[tuple[int, Extent]]
    written: bool = False


class Copy:
    """One image. `tell` is given the disk bytes done so far; `limit` is in bytes a second; `stop` ends it, resumable;
    `every` so many seconds what was written is made safe.
    """

    def __init__(
        self,
        writer: ImageWriter,
        readers: Sequence[DiskReader],
        sink: Sink,
        journal: Journal | None,
        *,
        tell: Callable[[int], None] = lambda done: None,
        limit: float | None = None,
        stop: threading.Event | None = None,
        every: float | None = None,
    ) -> None:
        self._writer, self._readers, self._sink, self._journal = writer, readers, sink, journal
        self._tell, self._limit, self._stop, self._every = tell, limit, stop or threading.Event(), every or CHECKPOINT_SECONDS
        self._free: SimpleQueue[mmap.mmap] = SimpleQueue()
        self._at = self._disk_bytes = self._sent = 0
        self._chunks: list[Chunk] = []
        self._bad: list[tuple[int, Extent]] = []
        self._all_bad: list[tuple[int, Extent]] = list(journal.record.bad) if journal else []
        self._saving: Future[None] | None = None
        self._saved_at, self._saved_time = 0, time.monotonic()

    def run(self) -> Outcome:
        """Copy to the end. Raises Stopped when it can be resumed, and Error when it cannot."""
        self._began = time.monotonic()
        for _ in range(_BUFFERS):
            self._free.put(mmap.mmap(-1, UNIT_BYTES))
        # What is compressed waits for processors, not for the medium.
        readers = _READERS if self._writer.length_bytes is not None else max(_READERS, min(os.cpu_count() or 1, _MOST_CODERS))
        todo = iter(units(self._writer.pieces()))
        if self._journal is not None and self._journal.record.at:
            self._replay(todo, self._journal)
        with ThreadPoolExecutor(readers) as pool, ThreadPoolExecutor(1) as saver:
            try:
                self._loop(todo, pool, saver)
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                self._save_what_is_there(saver)
                raise
            self._save(saver)
            if self._saving is not None:
                self._saving.result()
        self._sink.finish(self._at)
        manifest = self._journal.finish(self._at) if self._journal is not None else ""
        return Outcome(self._at, self._disk_bytes, time.monotonic() - self._began, tuple(self._all_bad), manifest)

    def _loop(self, todo: Iterator[Unit], pool: ThreadPoolExecutor, saver: ThreadPoolExecutor) -> None:
        # Where the next unit goes; None from the first one on whose length only its content tells.
        ahead: int | None = self._at if self._sink.any_order else None
        pending: deque[tuple[Unit, mmap.mmap | None, Future[_Ready] | None]] = deque()
        more = True
        while more or pending:
            while more and len(pending) < _BUFFERS:
                following = next(todo, None)
                if following is None:
                    more = False
                    break
                unit = following
                buffer = self._free.get() if isinstance(unit, Data) else None
                self._expect(unit)
                reads = isinstance(unit, Data | Coded)
                pending.append((unit, buffer, pool.submit(self._fetch, unit, buffer, ahead) if reads else None))
                length = _length(unit)
                ahead = ahead + length if ahead is not None and length is not None else None
            if not pending:
                break
            unit, buffer, future = pending.popleft()
            self._place(unit, future)
            if buffer is not None:
                self._free.put(buffer)
            if self._stop.is_set():
                raise Stopped("the copy was stopped", hint="go on with --resume" if self._journal is not None else "start again")
            now = time.monotonic()
            much = self._at - self._saved_at >= _CHECKPOINT_BYTES * self._every / CHECKPOINT_SECONDS
            due = now - self._saved_time >= self._every or much
            if due and (self._saving is None or self._saving.done()):
                self._save(saver)

    def _expect(self, unit: Unit) -> None:
        """Tell the medium what comes, so that it is always at work."""
        match unit:
            case Data(parts=parts):
                for _, part in parts:
                    if isinstance(part, DiskData):
                        self._readers[part.disk].expect(part.offset, part.length)
            case Coded(disk=disk, offset=offset, length=length):
                self._readers[disk].expect(offset, length)
            case _:
                pass

    def _fetch(self, unit: Unit, buffer: mmap.mmap | None, at: int | None) -> _Ready:
        """In a pool thread: read, and write where the place is known."""
        ready = self._read(unit, buffer)
        if at is not None and not self._stop.is_set():
            self._write(at, ready)
            ready.written = True
        return ready

    def _write(self, at: int, ready: _Ready) -> None:
        place = 0
        for start, end in ready.runs:
            if start > place:
                self._sink.zero(at + place, start - place)
            self._sink.write(at + start, ready.data[start:end])
            place = end
        if place < len(ready.data):
            self._sink.zero(at + place, len(ready.data) - place)

    def _read(self, unit: Unit, buffer: mmap.mmap | None) -> _Ready:
        """In a pool thread: fill, digest, look for zeros."""
        bad: list[tuple[int, Extent]] = []
        if isinstance(unit, Coded):
            plain = memoryview(bytearray(unit.length))
            self._rescue(unit.disk, unit.offset, plain, bad)
            coded = unit.code(plain)
            return _Ready(memoryview(coded), xxhash.xxh3_128_hexdigest(coded), [(0, len(coded))], bad)
        assert isinstance(unit, Data) and buffer is not None
        view = memoryview(buffer)[: unit.length]
        place = 0
        for begin, part in unit.parts:
            if begin > place:
                view[place:begin] = bytes(begin - place)
            if isinstance(part, DiskData):
                self._rescue(part.disk, part.offset, view[begin : begin + part.length], bad)
                place = begin + part.length
            else:
                view[begin : begin + len(part.data)] = part.data
                place = begin + len(part.data)
        if place < unit.length:
            view[place:] = bytes(unit.length - place)
        return _Ready(view, xxhash.xxh3_128_hexdigest(view), _runs(buffer, unit.length), bad)

    def _rescue(self, disk: int, offset: int, view: memoryview, bad: list[tuple[int, Extent]]) -> None:
        rescuer = Rescuer(self._readers[disk])
        rescuer.read_into(offset, view)
        bad += [(disk, extent) for extent in rescuer.bad]

    def _place(self, unit: Unit, future: "Future[_Ready] | None") -> None:
        """In the writing thread: put one unit where it belongs."""
        if isinstance(unit, Hole):
            self._sink.skip(self._at, unit.length)
            self._at += unit.length
            return
        if isinstance(unit, Patch):
            for offset, data in unit.make():
                self._sink.write(offset, memoryview(data))
                self._chunks.append(Chunk(offset, len(data), xxhash.xxh3_128_hexdigest(data)))
            return
        if isinstance(unit, Late):
            data = unit.make()
            ready = _Ready(memoryview(data), xxhash.xxh3_128_hexdigest(data), [(0, len(data))], [])
        else:
            assert future is not None
            ready = future.result()
        if not ready.written:
            self._write(self._at, ready)
        if isinstance(unit, Coded) and unit.placed is not None:
            unit.placed(self._at, bytes(ready.data))
        self._chunks.append(Chunk(self._at, len(ready.data), ready.digest))
        self._bad += ready.bad
        self._all_bad += ready.bad
        self._at += len(ready.data)
        self._count(unit, len(ready.data))

    def _count(self, unit: Unit, sent: int) -> None:
        if isinstance(unit, Data | Coded):
            self._disk_bytes += unit.disk_bytes if isinstance(unit, Data) else unit.length
            self._tell(self._disk_bytes)
        self._sent += sent
        if self._limit:
            ahead = self._sent / self._limit - (time.monotonic() - self._began)
            if ahead > 0:
                self._stop.wait(ahead)

    def _save(self, saver: ThreadPoolExecutor) -> None:
        if self._journal is None:
            return
        if self._saving is not None:
            self._saving.result()
        chunks, bad, at = self._chunks, self._bad, self._at
        self._chunks, self._bad = [], []
        self._saved_at, self._saved_time = at, time.monotonic()
        self._saving = saver.submit(self._make_safe, self._journal, at, chunks, bad)

    def _make_safe(self, journal: Journal, at: int, chunks: list[Chunk], bad: list[tuple[int, Extent]]) -> None:
        self._sink.sync()
        journal.checkpoint(at, chunks, bad)

    def _save_what_is_there(self, saver: ThreadPoolExecutor) -> None:
        try:
            self._save(saver)
            if self._saving is not None:
                self._saving.result()
        except Error:
            return  # What stopped the copy is told; the journal knows less, and a resumed run does a little more.

    def _replay(self, todo: Iterator[Unit], journal: Journal) -> None:
        """Go through the units that an earlier run placed, so that what depends on them is told again."""
        until = journal.record.at
        chunks = iter(journal.record.chunks)
        while self._at < until:
            unit = next(todo)
            if isinstance(unit, Hole):
                self._at += unit.length
                continue
            chunk = next(chunks)
            if isinstance(unit, Late):
                unit.make()
            elif isinstance(unit, Coded) and unit.placed is not None:
                unit.placed(chunk.offset, self._sink.read(chunk.offset, chunk.length))
            self._at = chunk.offset + chunk.length
            if isinstance(unit, Data | Coded):
                self._disk_bytes += unit.disk_bytes if isinstance(unit, Data) else unit.length
        if next(chunks, None) is not None:
            # Behind the last piece come only chunks of a patch, which become certain together.
            assert isinstance(next(todo), Patch)
        self._saved_at = self._at


def _length(unit: Unit) -> int | None:
    """How long it is in the image, where that is known beforehand."""
    match unit:
        case Data(length=length) | Hole(length=length) | Late(length=length) | Coded(coded_length=length):
            return length
        case Patch():
            return 0


def _runs(buffer: mmap.mmap, length: int) -> list[tuple[int, int]]:
    """Where the buffer is not zero, in grains. A search that fits only once compares without copying."""
    found: list[tuple[int, int]] = []
    for start in range(0, length, _ZERO_GRAIN):
        end = min(start + _ZERO_GRAIN, length)
        if buffer.find(_ZEROS[: end - start], start, end) >= 0:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found
