"""Connections to `p2v receive`: one for calls, and several that data goes down at the same time."""

import base64
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import xxhash
import zstandard

from xeninstall.base.errors import Error
from xeninstall.base.run import Channel
from xeninstall.base.sizes import MIB

from .coding import Choice
from .model import Halted, Lost, TargetError
from .wire import MOST_DATA, Coding, Ended, Kind, Link, WireError, words_of

SILENCE_SECONDS = 120.0
_WINDOW_BYTES = 8 * MIB  # in flight on one connection: more only fills memory
_LEVEL = 1
_FILLER_BYTES = 48 * 1024
_SAMPLES_FLYING = 32
_SAMPLE_BYTES = 96 * MIB
_SAMPLE_SECONDS = 1.5
RESUME = "see that the host and the network are well, then go on with --resume"


class Talk:
    """One connection, from its greeting on. `explain` tells what an end of it means."""

    def __init__(self, channel: Channel, host: str, explain: Callable[[str, int], Error]) -> None:
        self._channel, self._host, self._explain = channel, host, explain
        self.link = Link(channel.reads, channel.writes, SILENCE_SECONDS)
        self._lock = threading.Lock()
        try:
            self.link.await_greeting()
        except WireError as error:
            raise self._ended(error) from None

    def call(self, do: str, **words: object) -> dict[str, Any]:
        """Ask, and wait for the answer. Raises TargetError with the other end's words, or Lost."""
        with self._lock:
            try:
                self.link.say(Kind.CALL, {"do": do, **words})
                frame = self.link.receive()
                if frame.kind not in (Kind.ANSWER, Kind.REFUSAL):
                    raise WireError(f"{frame.kind.name} is no answer")
                answer = words_of(frame)
            except WireError as error:
                raise self._ended(error) from None
        if frame.kind is Kind.REFUSAL:
            raise self.refused(answer)
        return answer

    def sample(self) -> float | None:
        """How many bytes a second the way there takes, by calls that carry something to be thrown away; None where the other end
        does not know that call. Raises Lost.
        """
        words = json.dumps({"do": "sample", "filler": base64.b64encode(os.urandom(_FILLER_BYTES)).decode()}).encode()
        digest, began, flying, done, known = xxhash.xxh3_64_intdigest(words), time.monotonic(), 0, 0, True
        with self._lock:
            try:
                while known and done < _SAMPLE_BYTES and time.monotonic() - began < _SAMPLE_SECONDS:
                    self.link.send(Kind.CALL, words, digest=digest)
                    flying, done = flying + 1, done + len(words)
                    while flying and known and (flying >= _SAMPLES_FLYING or self.link.ready()):
                        known, flying = self.link.receive().kind is Kind.ANSWER, flying - 1
                for _ in range(flying):
                    known = self.link.receive().kind is Kind.ANSWER and known
            except WireError as error:
                raise self._ended(error) from None
        return done / max(time.monotonic() - began, 0.001) if known else None

    def refused(self, words: dict[str, Any]) -> Error:
        """What the other end says of a failure."""
        message, hint = _line(words.get("message")), _line(words.get("hint"))
        # A full disk, for one: it can be mended, and the copy goes on.
        kind = Halted if words.get("resumable") is True else TargetError
        return kind(f"{self._host}: {message}", hint=hint)

    def broken(self, error: WireError) -> Error:
        """The same for whoever uses `link`."""
        return self._ended(error)

    def kill(self) -> None:
        """End it at once, so that whoever waits for it wakes up."""
        self._channel.stop()

    def close(self) -> None:
        """Hang up. Nobody else may be using it."""
        self.link.ended = True
        self._channel.close(2)

    def _ended(self, error: WireError) -> Error:
        if self.link.ended:
            return Lost(f"the connection to {self._host} is closed", hint=RESUME)
        status = self._channel.stop(1)
        if isinstance(error, Ended) and status == 0:
            return Lost(f"the connection to {self._host} broke: {error}", hint=RESUME)
        if isinstance(error, Ended) and status in (127, 255, 1, 2):
            return self._explain(self._channel.said, status)
        if isinstance(error, Ended):
            return Lost(f"the connection to {self._host} broke: {error}", hint=RESUME)
        return TargetError(
            f"what answers on {self._host} is not p2v receive, or is broken: {error}", hint="see what is installed there"
        )


class Lane:
    """A connection for data. One thread at a time holds `lock`."""

    def __init__(self, talk: Talk) -> None:
        self.lock = threading.Lock()
        self._talk = talk
        self._flying: list[int] = []
        self._coder = zstandard.ZstdCompressor(level=_LEVEL)

    def send(self, disk: int, offset: int, data: memoryview, choice: Choice) -> None:
        """These bytes, once there is room in the window. Raises Lost, TargetError."""
        began, digest = time.monotonic(), xxhash.xxh3_64_intdigest(data)
        compressed = choice.next()
        payload: bytes | memoryview = self._coder.compress(data) if compressed else data
        coding = Coding.PLAIN
        if compressed and len(payload) < len(data):
            coding = Coding.ZSTD
        else:
            payload = data
        try:
            while sum(self._flying) + len(payload) > _WINDOW_BYTES and self._flying:
                self._acknowledged()
            self._talk.link.send(Kind.DATA, payload, coding=coding, disk=disk, offset=offset, digest=digest)
            self._flying.append(len(payload))
            while self._flying and self._talk.link.ready():
                self._acknowledged()
        except WireError as error:
            raise self._talk.broken(error) from None
        choice.sent(compressed, len(data), time.monotonic() - began)

    def drain(self) -> None:
        """Return when all that was sent has been taken."""
        try:
            while self._flying:
                self._acknowledged()
        except WireError as error:
            raise self._talk.broken(error) from None

    def close(self) -> None:
        """Hang up."""
        self._talk.kill()
        with self.lock:
            self._talk.close()

    def _acknowledged(self) -> None:
        frame = self._talk.link.receive()
        if frame.kind is Kind.REFUSAL:
            raise self._talk.refused(words_of(frame))
        if frame.kind is not Kind.ACK:
            raise WireError(f"{frame.kind.name} is no acknowledgement")
        self._flying.pop(0)


class Lanes:
    """Several. `write` may be called from any thread."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._lanes, self._turn = lanes, itertools.count()

    def write(self, disk: int, offset: int, data: memoryview, choice: Choice) -> None:
        """Down the first connection that is free."""
        for start in range(0, len(data), MOST_DATA):
            part = data[start : start + MOST_DATA]
            lane = self._free()
            try:
                lane.send(disk, offset + start, part, choice)
            finally:
                lane.lock.release()

    def drain(self) -> None:
        """Return when all that `write` returned from has been taken by the other end."""
        for lane in self._lanes:
            with lane.lock:
                lane.drain()

    def close(self) -> None:
        """Hang up all."""
        for lane in self._lanes:
            lane.close()

    def _free(self) -> Lane:
        first = next(self._turn) % len(self._lanes)
        order = self._lanes[first:] + self._lanes[:first]
        for lane in order:
            if lane.lock.acquire(blocking=False):
                return lane
        order[0].lock.acquire()
        return order[0]


def _line(text: object) -> str:
    """What the other end says, fit for a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text or ""))[:1000]
