"""Image files as sources."""

import os
from pathlib import Path

import pytest

from p2v.source.file import FileReader
from xeninstall.base.errors import UsageError


def test_it_reads_what_is_there_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(range(100)))
    reader = FileReader(path)
    assert (reader.size_bytes, reader.name) == (100, str(path))
    assert reader.read(90, 20) == bytes(range(90, 100))
    assert reader.read(100, 1) == reader.read(-1, 4) == b""
    buffer = bytearray(10)
    reader.read_into(5, memoryview(buffer))
    assert buffer == bytes(range(5, 15))
    with pytest.raises(OSError, match="ends at 100"):
        reader.read_into(95, memoryview(buffer))
    reader.close()


def test_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(10))
    reader = FileReader(path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(reader.fileno(), b"x", 0)
    reader.close()


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        FileReader(tmp_path / "nothing")
    with pytest.raises(UsageError, match="neither a disk nor an image file"):
        FileReader("/dev/null")


def test_holes_are_known_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(1 << 40)
        for start in (0, 1 << 30, (1 << 40) - 4096):
            file.seek(start)
            file.write(b"x" * 4096)
    reader = FileReader(path)
    assert [(hole.start, hole.end) for hole in reader.holes()] == [(4096, 1 << 30), ((1 << 30) + 4096, (1 << 40) - 4096)]
    path.write_bytes(b"x" * 5000)
    reader.close()
    reader = FileReader(path)
    assert reader.holes() == ()
    reader.close()
