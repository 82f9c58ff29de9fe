"""What `p2v convert` and `p2v receive` say to each other: frames over a pair of pipes, each end believing the other nothing.

A frame is a header, little-endian {u8 kind, u8 coding, u16 disk, u32 length, u64 offset, u64 xxh3}, and `length` bytes. Calls
and answers are JSON objects; data frames carry bytes of a disk, as they are or as one zstd frame, with the xxh3-64 of the plain
bytes. What is not sent is a hole. Each data frame is acknowledged when it has been handed to the storage; calls are answered in
order. Lengths are bounded before anything is read, so that neither end can make the other take more memory than a few frames.
"""

import json
import mmap
import os
import select
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import xxhash

from xeninstall.base.sizes import MIB

PROTOCOL = 1
# What a login shell may print before it is skipped; this line begins the conversation.
GREETING = b"\0p2v receive 1\n"
GREETING_WITHIN = 16 * 1024
MOST_DATA = 4 * MIB
MOST_WORDS = MIB
_HEADER = struct.Struct("<BBHIQQ")


class Kind(IntEnum):
    """What a frame is."""

    CALL = 1
    ANSWER = 2
    REFUSAL = 3
    DATA = 4
    ACK = 5


class Coding(IntEnum):
    """How the bytes of a data frame are written."""

    PLAIN = 0
    ZSTD = 1


class WireError(Exception):
    """The other end broke the protocol, or is gone."""


class Ended(WireError):
    """The other end is gone."""


@dataclass(frozen=True)
class Frame:
    """One as received; `payload` is valid until the next is."""

    kind: Kind
    coding: int
    disk: int
    offset: int
    digest: int
    payload: memoryview


class Link:
    """Both directions. Not for several threads at once. `seconds` is how long the other end may keep silent."""

    def __init__(self, reads: int, writes: int, seconds: float) -> None:
        self._reads, self._writes, self._seconds = reads, writes, seconds
        self.ended = False  # set before the descriptors are closed, whose numbers may then be somebody else's
        self._buffer = memoryview(mmap.mmap(-1, MIB))  # whole pages: they can be written past the kernel's cache

    def greet(self) -> None:
        """Say who we are."""
        self._write([GREETING])

    def await_greeting(self) -> None:
        """Skip what is printed before it. Raises WireError when it does not come."""
        seen = b""
        while not seen.endswith(GREETING):
            self._wait()
            try:
                byte = os.read(self._reads, 1)
            except OSError as error:
                raise Ended(error.strerror or str(error)) from None
            if not byte:
                raise Ended(f"it ended, and said {_shown(seen)}" if seen.strip() else "it ended")
            seen += byte
            if len(seen) > GREETING_WITHIN:
                raise WireError(f"it is no p2v receive: it said {_shown(seen)}")

    def send(
        self, kind: Kind, payload: bytes | memoryview = b"", *, coding: int = 0, disk: int = 0, offset: int = 0, digest: int = 0
    ) -> None:
        """One frame. Raises Ended."""
        self._write([_HEADER.pack(kind, coding, disk, len(payload), offset, digest), payload])

    def say(self, kind: Kind, words: dict[str, Any]) -> None:
        """A JSON object."""
        payload = json.dumps(words, separators=(",", ":")).encode()
        if len(payload) > MOST_WORDS:
            raise WireError("a message became too long")
        self.send(kind, payload, digest=xxhash.xxh3_64_intdigest(payload))

    def receive(self) -> Frame:
        """The next frame. Raises WireError."""
        header = self._read(self._room(_HEADER.size))
        number, coding, disk, length, offset, digest = _HEADER.unpack(header)
        try:
            kind = Kind(number)
        except ValueError:
            raise WireError(f"frame of the unknown kind {number}") from None
        most = MOST_DATA if kind is Kind.DATA else 0 if kind is Kind.ACK else MOST_WORDS
        if length > most:
            raise WireError(f"a frame of {length} bytes, and {most} are the most")
        payload = self._read(self._room(length)) if length else memoryview(b"")
        return Frame(kind, coding, disk, offset, digest, payload)

    def ready(self) -> bool:
        """Whether something of the other end can be read at once."""
        return not self.ended and bool(select.select([self._reads], [], [], 0)[0])

    def _room(self, length: int) -> memoryview:
        if length > len(self._buffer):
            self._buffer = memoryview(mmap.mmap(-1, length))
        return self._buffer[:length]

    def _wait(self) -> None:
        if self.ended:
            raise Ended("it was closed")
        if not select.select([self._reads], [], [], self._seconds)[0]:
            raise Ended(f"nothing was heard for {self._seconds:.0f} s")

    def _read(self, view: memoryview) -> memoryview:
        place = 0
        while place < len(view):
            self._wait()
            try:
                taken = os.readv(self._reads, [view[place:]])
            except OSError as error:
                raise Ended(error.strerror or str(error)) from None
            if not taken:
                raise Ended("the connection ended")
            place += taken
        return view

    def _write(self, parts: list[bytes | memoryview]) -> None:
        if self.ended:
            raise Ended("it was closed")
        write_all(self._writes, parts, self._seconds)


def write_all(fd: int, parts: Sequence[bytes | memoryview], seconds: float) -> None:
    """Everything into a pipe whose reader must take something every so many seconds. Raises Ended."""
    left = [memoryview(part) for part in parts if len(part)]
    os.set_blocking(fd, False)
    try:
        while left:
            if not select.select([], [fd], [], seconds)[1]:
                raise Ended(f"it took nothing for {seconds:.0f} s")
            try:
                taken = os.writev(fd, left)
            except BlockingIOError:
                continue
            while left and taken >= len(left[0]):
                taken -= len(left.pop(0))
            if left:
                left[0] = left[0][taken:]
    except OSError as error:
        raise Ended(error.strerror or str(error)) from None


def words_of(frame: Frame) -> dict[str, Any]:
    """The JSON object in a frame. Raises WireError."""
    if xxhash.xxh3_64_intdigest(frame.payload) != frame.digest:
        raise WireError("a message arrived damaged")
    try:
        found = json.loads(bytes(frame.payload))
    except (ValueError, RecursionError):
        raise WireError("a message is not JSON") from None
    if not isinstance(found, dict):
        raise WireError("a message is not a JSON object")
    return found


def _shown(data: bytes) -> str:
    """What a stranger said, fit for a terminal."""
    text = data.decode("utf-8", "replace").strip()
    return repr("".join(sign if sign.isprintable() else " " for sign in text)[-200:])
