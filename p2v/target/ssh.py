"""A xeninstall host over SSH: `p2v receive` there keeps the disks, the journals and the machine's definition."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Channel, Runner
from xeninstall.base.sizes import MIB

from ..journal import Chunk, Job, Journal, Record, parse_journal
from ..vm.console import Look, Seen, cleaned
from ..vm.model import Mode, VirtualMachine, to_json
from .address import Address
from .coding import Choice, Wire
from .lanes import Lane, Lanes, Talk
from .model import Lost, Peer, Storage, TargetError, Wanted, storage_of
from .openssh import Login, OpenSsh
from .wire import PROTOCOL

_COMMAND = ("p2v", "receive")
_MOST_JOURNAL_BYTES = 1 << 31
_MOST_STREAMS = 16
_LINE_PIECE = 256 * 1024
_DIGEST_BYTES = 32 * MIB
_DIGEST_PARTS = 1024
_CLEARED_AT_ONCE = 16 << 30  # what the other end reads through within the time of one answer


@dataclass(frozen=True)
class Ways:
    """How data goes: over how many connections, in which coding."""

    streams: int = 2
    wire: Wire = Wire.AUTO

    def check(self) -> None:
        """Raises UsageError."""
        if not 1 <= self.streams <= _MOST_STREAMS:
            raise UsageError(f"--streams {self.streams} is not possible", hint=f"give 1 to {_MOST_STREAMS}")


class SshTarget:
    """See Target."""

    formats: Sequence[str] = ("raw",)
    tries = True

    def __init__(self, address: Address, login: Login, ways: Ways, runner: Runner) -> None:
        ways.check()
        self._address, self._ways = address, ways
        self._ssh = OpenSsh(address, login, runner)
        self._control: Talk | None = None
        self.zstd = False

    @property
    def name(self) -> str:
        """See Target."""
        return self._address.shown

    @property
    def remarks(self) -> Sequence[str]:
        """What the user should know about this login."""
        if not self._ssh.is_new:
            return ()
        return (f"the key of {self._address.host} was not known and is taken as it is: {self._ssh.fingerprint}",)

    def login(self) -> Peer:
        """See Target."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._ssh.trust()
        control = self.connect()
        told = control.call("hello", protocol=PROTOCOL)
        self._control = control
        self.zstd = told.get("zstd") is True
        modes = tuple(mode for mode in Mode if mode in _texts(told.get("modes")))
        best = tuple(sorted(modes, key=_texts(told.get("modes")).index))
        return Peer(str(told.get("host"))[:255], f"p2v {str(told.get('version'))[:40]}", self._ssh.fingerprint, best)

    def storages(self) -> Sequence[Storage]:
        """See Target."""
        told = self.control.call("storages").get("storages")
        try:
            found = [Storage(str(row["name"]), str(row["kind"]), int(row["free"]), int(row["size"])) for row in told or ()]
        except (TypeError, KeyError, ValueError):
            raise self.strange("storages") from None
        return [Storage(one.name, one.kind, one.free_bytes, one.size_bytes, number == 0) for number, one in enumerate(found)]

    def deliver(self, wanted: Wanted) -> "SshDelivery":
        """See Target."""
        wanted = replace(wanted, storage=wanted.storage or self._address.place)
        chosen = storage_of(wanted, self.storages(), self._address.host)
        disks = [{"size": disk.size_bytes, "used": disk.used_bytes} for disk in wanted.disks]
        words = {"name": wanted.name, "storage": chosen.name, "disks": disks}
        told = self.control.call("reserve", resume=wanted.resume, discard=wanted.discard, trial=wanted.trial, **words)
        places, begun = _texts(told.get("places")), told.get("begun")
        if len(places) != len(disks) or not isinstance(begun, list) or len(begun) != len(disks):
            raise self.strange("reserve")
        return SshDelivery(self, wanted.name, str(told.get("token")), places, [one is True for one in begun], self._ways)

    def sample(self) -> float | None:
        """See Measured."""
        return self.control.sample()

    def close(self) -> None:
        """See Target."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._ssh.close()

    @property
    def control(self) -> Talk:
        """The connection for calls."""
        assert self._control is not None, "login first"
        return self._control

    def connect(self) -> Talk:
        """Another connection."""
        return self._talk(self._ssh.open(_COMMAND))

    def connect_several(self, count: int) -> list[Talk]:
        """The same, made at the same time: each takes a moment, of which most is waiting."""
        found: list[Talk] = []
        # A password is asked for by one connection at a time.
        channels = [self._ssh.open(_COMMAND) for _ in range(count)] if not self._ssh.asks else []
        try:
            for number in range(count):
                talk = self._talk(channels[number]) if channels else self.connect()
                found.append(talk)
        except BaseException:
            for channel in channels[len(found) :]:
                channel.stop()
                channel.close(0)
            for talk in found:
                talk.close()
            raise
        return found

    def _talk(self, channel: Channel) -> Talk:
        return Talk(channel, self._address.host, lambda said, status: self._ssh.failed(said, status, "p2v"))

    def strange(self, what: str) -> TargetError:
        """An answer that is none."""
        return TargetError(f"{self._address.host} answers {what} with nonsense", hint="use the same version of p2v on both ends")


class SshDelivery:
    """See Delivery. It connects anew by itself when the target logged in again."""

    checkpoint_seconds = 4.0
    resumable = True

    def __init__(
        self, target: SshTarget, name: str, token: str, places: Sequence[str], begun: Sequence[bool], ways: Ways
    ) -> None:
        self._target, self._name, self._token, self._begun, self._ways = target, name, token, begun, ways
        self.places = places
        self._defined = False
        self._cleared: set[int] = set()
        # Passwords are asked for one connection at a time, and connections are few.
        self._connecting = threading.Lock()
        self._attached: Talk | None = None

    def _left(self, number: int) -> Record | None:
        """What an earlier run left."""
        if not self._begun[number]:
            return None
        data = b""
        while piece := str(self._call("journal-piece", disk=number, **{"from": len(data)}).get("text", "")):
            data += piece.encode()
            if len(data) > _MOST_JOURNAL_BYTES:
                raise self._target.strange("journal-piece")
        return parse_journal(data, f"the journal on {self._target.name}")[0] if b"\n" in data else None

    def journal(self, number: int, job: Job) -> Journal:
        """See Delivery."""
        record = self._left(number)
        if record is not None:
            return _Remote(record, lambda line: self._keep(number, line))
        self._call("journal", disk=number)
        journal = _Remote(Record(job), lambda line: self._keep(number, line))
        journal.begin()
        return journal

    def sink(self, number: int, at: int, length: int) -> "SshSink":
        """See Delivery."""
        if self._begun[number] and number not in self._cleared:
            # An earlier run may have written behind its last checkpoint. What this run writes twice is the same twice.
            for start in range(at, length, _CLEARED_AT_ONCE):
                end = min(start + _CLEARED_AT_ONCE, length)
                self._call("clear", disk=number, **{"from": start, "to": end})
        self._cleared.add(number)
        wire = self._ways.wire if self._target.zstd else Wire.NONE
        return SshSink(f"{self._target.name} ({self.places[number]})", number, self._lanes(), Choice(wire), self._call)

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery."""
        self._call("forget", disk=number)
        chunks, done = journal.record.chunks, 0
        total = sum(chunk.length for chunk in chunks)
        for batch in _batches(chunks):
            parts = [[chunk.offset, chunk.length] for chunk in batch]
            found = _texts(self._call("digests", disk=number, parts=parts).get("digests"))
            for chunk, digest in zip(batch, found, strict=False):
                if digest != chunk.digest:
                    raise TargetError(
                        f"{self.places[number]} on {self._target.name} differs at byte {chunk.offset} from what was sent",
                        hint="check that host's disk and memory, and send it again with --discard",
                    )
            if len(found) != len(batch):
                raise self._target.strange("digests")
            done += sum(chunk.length for chunk in batch)
            tell(done, total)
        return f"{len(chunks)} chunks were read again there and compared"

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery."""
        told = self._call("define", machine=to_json(vm), mode=mode)
        self._defined = True
        return f"xl create {str(told.get('config'))[:200]}"

    def start(self) -> None:
        """See Delivery."""
        self._call("start")

    def begin_trial(self, marker: str) -> None:
        """See Tried."""
        self._call("trial", marker=marker)

    def look(self) -> Look:
        """See Tried. The words are a guest's, and nothing that steers a terminal is believed to be left out already."""
        told = self._call("trial-look")
        try:
            seen = Seen(str(told.get("seen")))
        except ValueError:
            raise self._target.strange("trial-look") from None
        return Look(seen, cleaned(str(told.get("why", "")))[:200], cleaned(str(told.get("said", "")))[:1000])

    def end_trial(self) -> None:
        """See Tried."""
        self._call("trial-end")

    def abort(self) -> None:
        """See Delivery."""
        try:
            self._call("abort")
        except Lost:
            self._target.login()
            self._call("abort")

    def close(self) -> None:
        """See Delivery."""
        if not self._defined:
            return
        self._defined = False
        try:
            self._call("finish")
        except Lost:
            # What they know there no more has been let go of.
            self._target.login()
            if self._is_known():
                self._call("finish")

    def _call(self, do: str, **words: object) -> dict[str, Any]:
        control = self._target.control
        if control is not self._attached:
            # The target logged in again since: this connection does not know yet what it is about.
            control.call("attach", name=self._name, token=self._token)
            self._attached = control
        return control.call(do, **words)

    def _is_known(self) -> bool:
        try:
            self._target.control.call("attach", name=self._name, token=self._token)
        except TargetError:
            return False
        return True

    def _keep(self, number: int, line: bytes) -> None:
        text = line.decode()
        for start in range(0, len(text), _LINE_PIECE):
            part = text[start : start + _LINE_PIECE]
            self._call("journal-line", disk=number, line=part, last=start + _LINE_PIECE >= len(text))

    def _lanes(self) -> Lanes:
        with self._connecting:
            talks = self._target.connect_several(self._ways.streams)
        for talk in talks:
            talk.call("attach", name=self._name, token=self._token)
        return Lanes([Lane(talk) for talk in talks])


class SshSink:
    """See Sink: a volume or file over there, which began as zeros."""

    any_order = True

    def __init__(self, name: str, disk: int, lanes: Lanes, choice: Choice, call: Callable[..., dict[str, Any]]) -> None:
        self._name, self._disk, self._lanes, self._choice, self._call = name, disk, lanes, choice, call

    @property
    def name(self) -> str:
        """See Sink."""
        return self._name

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink."""
        self._lanes.write(self._disk, offset, data, self._choice)

    def skip(self, offset: int, length: int) -> None:
        """A hole is what is not sent."""

    def zero(self, offset: int, length: int) -> None:
        """The same: it began as zeros."""

    def read(self, offset: int, length: int) -> bytes:
        """Nothing that is sent here is asked for again."""
        raise NotImplementedError(f"{self._name} is not read back: {length} bytes at {offset}")

    def sync(self) -> None:
        """See Sink."""
        self._lanes.drain()
        self._call("sync", disk=self._disk)

    def finish(self, length: int) -> None:
        """All of it is safe over there."""
        del length
        self.sync()

    def close(self) -> None:
        """Hang up."""
        self._lanes.close()


class _Remote(Journal):
    """A journal whose lines are kept by the other end."""

    def __init__(self, record: Record, keep: Callable[[bytes], None]) -> None:
        super().__init__(Path("-"), record, -1)
        self._send = keep

    def _keep(self, line: bytes) -> None:
        self._send(line)


def _batches(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    found: list[list[Chunk]] = [[]]
    size = 0
    for chunk in chunks:
        if found[-1] and (size + chunk.length > _DIGEST_BYTES or len(found[-1]) >= _DIGEST_PARTS):
            found.append([])
            size = 0
        found[-1].append(chunk)
        size += chunk.length
    return found


def _texts(told: object) -> list[str]:
    return [str(one)[:4096] for one in told] if isinstance(told, list) else []
