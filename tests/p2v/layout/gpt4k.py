"""A GPT for sectors of 4096 bytes, which no tool writes into a file: the specification's tables, packed by hand."""

import struct
import uuid
import zlib
from pathlib import Path

SECTOR = 4096
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le


def gpt_4k(path: Path, size_bytes: int, start: int, length: int) -> None:
    """A disk with one partition."""
    last = size_bytes // SECTOR - 1
    entry = struct.pack("<16s16sQQQ72s", LINUX, bytes(range(16)), start // SECTOR, (start + length) // SECTOR - 1, 0, b"")
    entries = entry.ljust(128 * 128, b"\0")
    mbr = bytes(446) + struct.pack("<B3sB3sII", 0, b"", 0xEE, b"", 1, last) + bytes(48) + b"\x55\xaa"
    with path.open("wb") as file:
        file.truncate(size_bytes)
        file.write(mbr)
        for own, other, table in ((1, last, 2), (last, 1, last - 4)):
            file.seek(table * SECTOR)
            file.write(entries)
            file.seek(own * SECTOR)
            file.write(_header(own, other, table, last, entries))


def _header(own: int, other: int, table: int, last: int, entries: bytes) -> bytes:
    tail = struct.pack("<QQQQ16sQIII", own, other, 6, last - 5, bytes(16), table, 128, 128, zlib.crc32(entries))
    head = b"EFI PART" + struct.pack("<II", 0x10000, 92)
    return head + struct.pack("<II", zlib.crc32(head + bytes(8) + tail), 0) + tail
