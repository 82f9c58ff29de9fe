"""One connection of a conversion that arrives: calls are answered, data is checked and written, and nothing is taken on trust."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from xeninstall.base.errors import Error, Stopped
from xeninstall.base.run import Runner

from .. import __version__
from ..sink.model import TargetError
from ..target.names import plain
from ..target.wire import MOST_DATA, PROTOCOL, Coding, Ended, Frame, Kind, Link, WireError, words_of
from ..vm.model import Mode, VirtualMachine
from .define import config_of, define, machine, modes, runs, start
from .incoming import MOST_BYTES, MOST_DISKS, Incoming, find, one_at_a_time, reserve
from .journals import append, begin, piece
from .store import Opened, Room, rooms
from .trial import Trial, check_able, remove_left
from .trial import begin as begin_trial

_MOST_PARTS = 4096
_MOST_PART_BYTES = 64 << 20
_MOST_MARKER = 200


@dataclass(frozen=True)
class Host:
    """Where this host keeps what arrives. `thin`: thin pools count as storage, too."""

    folders: tuple[Path, ...]
    state: Path
    configs: Path
    thin: bool = True


class Session:
    """From the greeting until the other end hangs up."""

    def __init__(self, host: Host, link: Link, runner: Runner) -> None:
        self._host, self._link, self._runner = host, link, runner
        self._incoming: Incoming | None = None
        self._opened: dict[int, Opened] = {}
        self._defined: tuple[VirtualMachine, Mode] | None = None
        self._trial: Trial | None = None
        self._expand = _Expander()
        self._calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "sample": lambda _: {},  # how fast the way here is: what came along is thrown away
            "storages": self._storages,
            "reserve": self._reserve,
            "attach": self._attach,
            "clear": self._clear,
            "sync": self._sync,
            "journal": self._journal,
            "journal-line": self._journal_line,
            "journal-piece": self._journal_piece,
            "digests": self._digests,
            "forget": self._forget,
            "define": self._define,
            "trial": self._try,
            "trial-look": self._look,
            "trial-end": self._end_trial,
            "start": self._start,
            "abort": self._abort,
            "finish": self._finish,
        }

    def run(self) -> None:
        """Serve until it ends. Raises WireError when the other end breaks the rules."""
        self._link.greet()
        try:
            while True:
                frame = self._link.receive()
                if frame.kind is Kind.DATA:
                    self._take(frame)
                elif frame.kind is Kind.CALL:
                    self._answer(words_of(frame))
                else:
                    raise WireError(f"a frame of the kind {frame.kind.name} is not for us")
        except Ended:
            return  # What was written stays for whoever comes again.
        finally:
            with suppress(Error, OSError):
                self._end_trial({})
            self._close()

    def _answer(self, words: dict[str, Any]) -> None:
        call = self._calls.get(str(words.get("do")))
        try:
            if call is None:
                raise TargetError("that is not understood here", hint="use the same version of p2v on both ends")
            try:
                answer = call(words)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise WireError(f"a call is malformed ({type(error).__name__})") from None
        except Error as error:
            self._refuse(error)
            return
        self._link.say(Kind.ANSWER, answer)

    def _refuse(self, error: Error) -> None:
        words = {"message": error.message[:2000], "hint": error.hint[:2000], "resumable": isinstance(error, Stopped)}
        self._link.say(Kind.REFUSAL, words)

    def _take(self, frame: Frame) -> None:
        try:
            data = self._expand(frame)
            if xxhash.xxh3_64_intdigest(data) != frame.digest:
                raise WireError("data arrived damaged")
            self._disk(frame.disk).write(frame.offset, data)
        except Error as error:
            self._refuse(error)
            return
        self._link.send(Kind.ACK, disk=frame.disk, offset=frame.offset)

    def _hello(self, words: dict[str, Any]) -> dict[str, Any]:
        if words["protocol"] != PROTOCOL:
            raise TargetError(f"p2v {__version__} here speaks another protocol", hint="use the same version of p2v on both ends")
        able = modes(self._runner)
        return {"host": socket.gethostname(), "version": __version__, "modes": list(able), "zstd": self._expand.able}

    def _storages(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "storages": [
                {"name": room.name, "kind": room.kind, "free": room.free_bytes, "size": room.size_bytes} for room in self._rooms()
            ]
        }

    def _rooms(self) -> list[Room]:
        return rooms(self._host.folders, self._runner, thin=self._host.thin)

    def _reserve(self, words: dict[str, Any]) -> dict[str, Any]:
        name, disks = str(words["name"]), [(int(disk["size"]), int(disk["used"])) for disk in words["disks"]]
        if not 0 < len(disks) <= MOST_DISKS or any(not 0 < size <= MOST_BYTES or not 0 <= used <= size for size, used in disks):
            raise TargetError(f"{len(disks)} such disks are not a machine's", hint=f"1 to {MOST_DISKS} disks of up to 1 PiB are")
        with one_at_a_time(self._host.state):
            found = self._reserved(name, disks, words)
        self._incoming = found
        begun = [found.journal(number).exists() for number in range(len(found.disks))]
        return {"token": found.token, "places": [disk.path for disk in found.disks], "begun": begun}

    def _reserved(self, name: str, disks: list[tuple[int, int]], words: dict[str, Any]) -> Incoming:
        found = find(self._host.state, name)
        if found is not None and found.is_defined and runs(found.name, self._runner):
            hint = f"nothing is missing of it; to have it anew, end it there first: xl destroy {plain(name)}"
            raise TargetError(f"{found.name} was sent whole and runs here", hint=hint)
        if found is not None and words.get("discard") is True:
            remove_left(found.folder, self._runner)
            found.discard(self._runner)
            found = None
        if found is not None and words.get("resume") is not True:
            raise TargetError(
                f"an earlier conversion of {found.name} stopped halfway here",
                hint="go on with it by --resume, or drop it by --discard",
            )
        if found is not None and [disk.size_bytes for disk in found.disks] != [size for size, _ in disks]:
            raise TargetError(
                f"what is halfway here of {found.name} has other disks", hint="name the same disks, or give --discard"
            )
        if found is None:
            remove_left(self._host.state / plain(name), self._runner)
            _check_free(config_of(self._host.configs, name), name)
            storage = str(words["storage"])
            room = next((room for room in self._rooms() if room.name == storage), None)
            if room is None:
                raise TargetError(f"there is no storage {storage[:80]!r}", hint="choose one that was listed")
            if words.get("trial") is True and room.folder is not None:
                check_able(self._runner)
            found = reserve(self._host.state, name, room, disks, self._runner)
        return found

    def _attach(self, words: dict[str, Any]) -> dict[str, Any]:
        found = find(self._host.state, str(words["name"]))
        if found is None or found.token != words["token"]:
            raise TargetError("that conversion is not known here any more", hint="start it again")
        self._incoming = found
        return {}

    def _clear(self, words: dict[str, Any]) -> dict[str, Any]:
        self._disk(int(words["disk"])).clear(max(int(words["from"]), 0), int(words["to"]))
        return {}

    def _sync(self, words: dict[str, Any]) -> dict[str, Any]:
        self._disk(int(words["disk"])).sync()
        return {}

    def _forget(self, words: dict[str, Any]) -> dict[str, Any]:
        self._disk(int(words["disk"])).forget()
        return {}

    def _journal(self, words: dict[str, Any]) -> dict[str, Any]:
        begin(self._known().journal(self._number(words)))
        return {}

    def _journal_line(self, words: dict[str, Any]) -> dict[str, Any]:
        number = self._number(words)
        append(self._known().journal(number), str(words["line"]), self._known().journal_limit(number), last=bool(words["last"]))
        return {}

    def _journal_piece(self, words: dict[str, Any]) -> dict[str, Any]:
        return {"text": piece(self._known().journal(self._number(words)), int(words["from"]))}

    def _digests(self, words: dict[str, Any]) -> dict[str, Any]:
        disk, parts = self._disk(int(words["disk"])), [(int(offset), int(length)) for offset, length in words["parts"]]
        if len(parts) > _MOST_PARTS or any(not 0 <= length <= MOST_DATA or offset < 0 for offset, length in parts):
            raise WireError("too much was asked for at once")
        if sum(length for _, length in parts) > _MOST_PART_BYTES:
            raise WireError("too much was asked for at once")
        return {"digests": [xxhash.xxh3_128_hexdigest(disk.read(offset, length)) for offset, length in parts]}

    def _define(self, words: dict[str, Any]) -> dict[str, Any]:
        incoming = self._known()
        vm = machine(str(words["machine"]), incoming)
        for disk in self._opened.values():
            disk.sync()
        mode = Mode(words["mode"])
        config = config_of(self._host.configs, incoming.name)
        if not incoming.config:
            _check_free(config, incoming.name)
            # Written down first: what is removed later is removed with its definition.
            self._incoming = incoming = replace(incoming, config=str(config))
            incoming.save()
        define(vm, mode, incoming)
        self._defined = vm, mode
        return {"config": str(config), "start": f"xl create {config}"}

    def _try(self, words: dict[str, Any]) -> dict[str, Any]:
        if self._defined is None or self._trial is not None:
            raise TargetError("nothing was defined yet, or a trial start is under way")
        marker = str(words["marker"])[:_MOST_MARKER]
        self._trial = begin_trial(*self._defined, self._known(), marker, self._runner)
        return {}

    def _look(self, _: dict[str, Any]) -> dict[str, Any]:
        if self._trial is None:
            raise TargetError("no trial start is under way")
        found = self._trial.look()
        return {"seen": found.seen, "why": found.why, "said": found.said}

    def _end_trial(self, _: dict[str, Any]) -> dict[str, Any]:
        trial, self._trial = self._trial, None
        if trial is not None:
            trial.end()
        return {}

    def _start(self, _: dict[str, Any]) -> dict[str, Any]:
        self._check_defined()
        # First: what may run is not removed by anybody, whatever becomes of this connection. `finish` says what stays.
        self._known().let_go()
        with suppress(Error, OSError):
            self._tidy()
        start(Path(self._known().config), self._runner)
        return {}

    def _abort(self, _: dict[str, Any]) -> dict[str, Any]:
        incoming = self._known()
        if not incoming.is_ours:
            raise TargetError(f"{incoming.name} is whole, and stays")
        self._end_trial({})
        self._close()
        incoming.discard(self._runner)
        self._incoming = None
        return {}

    def _finish(self, _: dict[str, Any]) -> dict[str, Any]:
        self._check_defined()
        self._known().let_go()
        self._tidy()
        self._incoming = None
        return {}

    def _tidy(self) -> None:
        """Nothing is left of a machine's way here but itself. Raises Error when something stays."""
        self._end_trial({})
        remove_left(self._known().folder, self._runner)
        self._known().forget()

    def _check_defined(self) -> None:
        if not self._known().is_defined:
            raise TargetError("nothing was defined yet")

    def _known(self) -> Incoming:
        if self._incoming is None:
            raise WireError("nothing was reserved yet")
        return self._incoming

    def _number(self, words: dict[str, Any]) -> int:
        number = int(words["disk"])
        if not 0 <= number < len(self._known().disks):
            raise WireError("there is no such disk")
        return number

    def _disk(self, number: int) -> Opened:
        if number not in self._opened:
            disk = self._known().disks[self._number({"disk": number})]
            self._opened[number] = Opened(disk.place, disk.size_bytes)
        return self._opened[number]

    def _close(self) -> None:
        for disk in self._opened.values():
            with suppress(Error, OSError):
                disk.close()
        self._opened.clear()


def _check_free(config: Path, name: str) -> None:
    if config.exists():
        raise TargetError(f"there is a machine {plain(name)} already: {config}", hint="choose another --name")


class _Expander:
    """Data frames as plain bytes, in memory that is made once."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError:
            self.able = False
            return
        self.able, self._zstd = True, zstandard.ZstdDecompressor()

    def __call__(self, frame: Frame) -> memoryview:
        if frame.coding == Coding.PLAIN:
            return frame.payload
        if frame.coding != Coding.ZSTD or not self.able:
            raise WireError("data in a coding that was not agreed on")
        import zstandard

        try:
            if not 0 <= zstandard.frame_content_size(frame.payload) <= MOST_DATA:
                raise WireError("data that becomes too long")
            return memoryview(self._zstd.decompress(frame.payload, max_output_size=MOST_DATA))
        except zstandard.ZstdError:
            raise WireError("data that cannot be decompressed") from None
