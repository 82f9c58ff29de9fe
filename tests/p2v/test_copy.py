"""The copy engine: right bytes through threads, stopping and going on, failing sources and targets."""

import os
import random
import threading
import uuid
from pathlib import Path

import pytest

from p2v.copy import Copy
from p2v.image.model import Disk, Identity
from p2v.image.table import FORMATS
from p2v.journal import Job, Journal, Source, read_journal
from p2v.sink.file import FileSink, partial_of
from p2v.sink.pipe import PipeSink
from p2v.source.file import FileReader
from p2v.types import BlockMap, Extent, ImageWriter
from tests.p2v.failing import FailingReader
from tests.p2v.image.render import render
from xeninstall.base.errors import Error, Stopped

MIB = 1 << 20
SIZE = 9 * MIB + 512
MAP = BlockMap(SIZE, (Extent(0, 3 * MIB), Extent(4 * MIB, 70_144), Extent(6 * MIB - 4096, 2 * MIB), Extent(SIZE - 512, 512)))
IDENTITY = Identity(uuid.UUID(int=3), 1_700_000_000)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    data = bytearray(random.Random(8).randbytes(SIZE))
    data[MIB : 2 * MIB + 100_000] = bytes(MIB + 100_000)  # zeros that are in use
    path.write_bytes(data)
    return path


def writer(form: str, compress: bool = False) -> ImageWriter:
    return FORMATS[form].make([Disk(MAP)], IDENTITY, {"compress": "yes"} if compress else {})


def plain(form: str, disk: Path, compress: bool = False) -> bytes:
    """The image as the plainest way makes it."""
    path = disk.with_name("plain")
    render(writer(form, compress), [disk.read_bytes()], path)
    return path.read_bytes()


def job(disk: Path) -> Job:
    reader = FileReader(disk)
    source = Source.of(reader, MAP)
    reader.close()
    return Job("raw", {}, IDENTITY.seed.hex, IDENTITY.time, None, (source,))


FORMS = [
    ("raw", False),
    ("qcow2", False),
    ("vhd", False),
    ("vmdk", False),
    ("vmdk", True),
    ("qcow2", True),
    ("ova", False),
    ("xva", False),
    ("null", False),
]


@pytest.mark.parametrize(("form", "compress"), FORMS)
def test_a_file_and_a_pipe_hold_the_same_bytes(tmp_path: Path, disk: Path, form: str, compress: bool) -> None:
    reader = FileReader(disk)
    done: list[int] = []
    sink = FileSink(tmp_path / "image")
    outcome = Copy(writer(form, compress), [reader], sink, None, tell=done.append).run()
    sink.close()
    image = (tmp_path / "image").read_bytes()
    assert image == plain(form, disk, compress)
    assert outcome.image_bytes == len(image)
    assert done == sorted(done) and done[-1] == outcome.disk_bytes
    if compress and FORMATS[form].compressed_goes_back:
        reader.close()
        return
    receiving, sending = os.pipe()
    got = bytearray()
    thread = threading.Thread(target=lambda: got.extend(os.fdopen(receiving, "rb").read()))
    thread.start()
    Copy(writer(form, compress), [reader], PipeSink(sending), None).run()
    os.close(sending)
    thread.join()
    reader.close()
    assert bytes(got) == image


def test_zeros_and_unused_bytes_stay_holes(tmp_path: Path, disk: Path) -> None:
    reader = FileReader(disk)
    sink = FileSink(tmp_path / "image")
    Copy(writer("raw"), [reader], sink, None).run()
    sink.close()
    reader.close()
    assert (tmp_path / "image").stat().st_blocks * 512 <= 4 * MIB + 300_000


class _StopsAt(FileSink):
    """A target that fills up after some bytes."""

    room = 0

    def write(self, offset: int, data: memoryview) -> None:
        if offset + len(data) > self.room:
            raise Stopped("the target is full")
        super().write(offset, data)


@pytest.mark.parametrize(("form", "compress"), FORMS)
def test_stopped_anywhere_and_resumed_it_is_the_same_image(tmp_path: Path, disk: Path, form: str, compress: bool) -> None:
    expected = plain(form, disk, compress)
    for room in range(0, len(expected), len(expected) // 5 + 1):
        image = tmp_path / f"image{room}"
        reader = FileReader(disk)
        journal = Journal.start(tmp_path / f"journal{room}", job(disk))
        sink = _StopsAt(image)
        sink.room = room
        with pytest.raises(Stopped):
            Copy(writer(form, compress), [reader], sink, journal).run()
        sink.close()
        journal.close()
        assert not image.exists()
        resumed = Journal.resume(tmp_path / f"journal{room}")
        with partial_of(image).open("r+b") as file:
            file.seek(resumed.record.at)
            file.write(b"written after the last checkpoint, and torn by a power cut")
        again = FileSink(image, resume_at=resumed.record.at)
        outcome = Copy(writer(form, compress), [reader], again, resumed).run()
        again.close()
        resumed.close()
        reader.close()
        assert image.read_bytes() == expected
        record = read_journal(tmp_path / f"journal{room}")
        assert record.complete and record.manifest == outcome.manifest
        offsets = [chunk.offset for chunk in record.chunks]
        assert len(offsets) == len(set(offsets))


def test_what_cannot_be_read_becomes_zeros_and_is_told(tmp_path: Path, disk: Path) -> None:
    bad = {8, 9, 4 * MIB // 512 + 3}
    reader = FailingReader(disk, bad)
    journal = Journal.start(tmp_path / "journal", job(disk))
    sink = FileSink(tmp_path / "image")
    outcome = Copy(writer("raw"), [reader], sink, journal).run()
    sink.close()
    journal.close()
    reader.close()
    assert outcome.bad == ((0, Extent(8 * 512, 1024)), (0, Extent(4 * MIB + 3 * 512, 512)))
    assert read_journal(tmp_path / "journal").bad == list(outcome.bad)
    expected = bytearray(plain("raw", disk))
    for sector in bad:
        expected[sector * 512 : (sector + 1) * 512] = bytes(512)
    assert (tmp_path / "image").read_bytes() == expected


def test_a_source_that_vanishes_stops_and_is_resumed(tmp_path: Path, disk: Path) -> None:
    journal = Journal.start(tmp_path / "journal", job(disk))
    sink = FileSink(tmp_path / "image")
    reader = FailingReader(disk, vanishes_after=3)
    with pytest.raises(Stopped, match="is gone"):
        Copy(writer("qcow2"), [reader], sink, journal).run()
    sink.close()
    journal.close()
    reader.left = None
    resumed = Journal.resume(tmp_path / "journal")
    sink = FileSink(tmp_path / "image", resume_at=resumed.record.at)
    Copy(writer("qcow2"), [reader], sink, resumed).run()
    sink.close()
    resumed.close()
    reader.close()
    assert (tmp_path / "image").read_bytes() == plain("qcow2", disk)


def test_it_is_stopped_from_outside(tmp_path: Path, disk: Path) -> None:
    stop = threading.Event()
    stop.set()
    reader = FileReader(disk)
    sink = FileSink(tmp_path / "image")
    with pytest.raises(Stopped, match="the copy was stopped"):
        Copy(writer("raw"), [reader], sink, None, stop=stop).run()
    sink.close()
    reader.close()
    assert not (tmp_path / "image").exists()


def test_a_limit_is_kept(tmp_path: Path, disk: Path) -> None:
    reader = FileReader(disk)
    sink = FileSink(tmp_path / "image")
    outcome = Copy(writer("null"), [reader], sink, None, limit=10 * MIB).run()
    sink.close()
    reader.close()
    assert 0.35 < outcome.seconds < 3


def test_a_reader_that_goes_away_ends_a_pipe(disk: Path) -> None:
    receiving, sending = os.pipe()
    os.close(receiving)
    reader = FileReader(disk)
    with pytest.raises(Error, match="writing to standard output failed: Broken pipe"):
        Copy(writer("raw"), [reader], PipeSink(sending), None).run()
    os.close(sending)
    reader.close()
