"""Journals: what was written is read again, a torn end is as if it had not been written, anything else wrong is named."""

import random
from pathlib import Path

import pytest

from p2v.journal import Chunk, Job, Journal, JournalError, Source, journal_of, manifest, read_journal
from p2v.types import BlockMap, Extent
from tests.p2v.memory import Memory
from xeninstall.base.errors import Error, UsageError

SOURCE = Source.of(Memory(b"x" * 5000), BlockMap(5000, (Extent(0, 100), Extent(200, 50))))
JOB = Job("raw", {"name": "p2v"}, "ab" * 16, 1_700_000_000, 5000, (SOURCE,))


def written(path: Path, *, finish: bool) -> Path:
    journal = Journal.start(path, JOB)
    journal.checkpoint(100, [Chunk(0, 100, "aa")], [])
    journal.checkpoint(250, [Chunk(200, 50, "bb")], [(0, Extent(512, 512))])
    if finish:
        journal.finish(5000)
    journal.close()
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = journal_of(tmp_path / "image")
    assert path.name == "image.p2v"
    record = read_journal(written(path, finish=True))
    assert (record.job, record.at, record.complete, record.length_bytes) == (JOB, 250, True, 5000)
    assert record.bad == [(0, Extent(512, 512))]
    assert record.manifest == manifest(JOB, record.chunks)
    assert record.job.sources[0].block_map() == BlockMap(5000, (Extent(0, 100), Extent(200, 50)))


def test_a_torn_end_is_forgotten(tmp_path: Path) -> None:
    path = written(tmp_path / "j", finish=False)
    whole = path.read_bytes()
    second = whole.index(b'{"at":250')
    for end in range(second, len(whole)):
        path.write_bytes(whole[:end])
        journal = Journal.resume(path)
        assert journal.record.at == 100
        journal.close()
        assert path.read_bytes() == whole[:second]


def test_damage_is_named_and_never_crashes(tmp_path: Path) -> None:
    path = written(tmp_path / "j", finish=True)
    whole = path.read_bytes()
    rng = random.Random(3)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            read_journal(path)
        except Error as error:
            assert "is damaged" in error.message


def test_an_earlier_journal_is_not_overwritten_and_a_complete_one_not_resumed(tmp_path: Path) -> None:
    path = written(tmp_path / "j", finish=True)
    with pytest.raises(UsageError, match="left from an earlier run"):
        Journal.start(path, JOB)
    with pytest.raises(JournalError, match="the image is complete"):
        Journal.resume(path)
    with pytest.raises(UsageError, match="does not exist"):
        read_journal(tmp_path / "none")
