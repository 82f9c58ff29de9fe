"""A trial start by libvirt: a twin of the machine, without network cards, whose console is listened to.

    begin   a qcow2 over each of the machine's disks, which takes all that the twin writes; the twin is defined, started, paused,
            with its console, and let go
    look    listens for a moment, and says what the console has told so far
    end     the twin, what its firmware keeps and those files are gone; the machine's own disks are as they were sent

The program over there that brings the console removes all of it when the console has ended, however that comes: it does so, too,
where this end was killed or the connection lost. The twin runs no longer than that program (`--autodestroy`).
"""

import os
import re
import secrets
import select
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from xeninstall.base.errors import Error, Stopped
from xeninstall.base.run import Channel

from ..listening import Listening
from ..vm.console import cleaned
from ..vm.libvirt import libvirt_xml
from ..vm.model import DiskImage, VirtualMachine
from ..vm.twin import twin_of
from .model import TargetError
from .virsh import Virsh

_STARTS_SECONDS, _GONE_SECONDS = 60.0, 10.0
_HINT = "see what libvirt's log there says"
_NO_TERMINAL = "virsh needs a terminal for a console: where the key is restricted, write restrict,pty in authorized_keys there"
_CONNECTED = re.compile(r"Escape character is[^\n]*\n")  # what virsh says when the console is there, to the end of its line


@dataclass(frozen=True)
class Copies:
    """Where the files lie that take what a twin writes: a pool of files, and how large each disk is."""

    pool: str
    sizes_bytes: tuple[int, ...]


class LibvirtTrial:
    """One that was begun; `end` must be called. Raises TargetError; then nothing is left of it, or is named."""

    def __init__(self, vm: VirtualMachine, copies: Copies, marker: str, virsh: Virsh, *, software: bool) -> None:
        self._virsh, self._pool, own = virsh, copies.pool, f"trial-{secrets.token_hex(4)}"
        self._twin = f"p2v-{own}"
        self._files = [f"p2v-{own}-disk{number}.qcow2" for number in range(len(vm.disks))]
        self._console: Channel | None = None
        self._listening: Listening | None = None
        try:
            disks = [self._copy(*each) for each in zip(self._files, vm.disks, copies.sizes_bytes, strict=True)]
            virsh.define(libvirt_xml(twin_of(vm, self._twin, tuple(disks)), software=software))
            self._console = virsh.stream(self._script(), terminal=True)
            _await_connected(self._console, virsh)
            self._listening = Listening(self._console, marker, self._over)
            virsh.ask("resume", self._twin)
        except BaseException as error:
            left = self._left_after()
            if isinstance(error, TargetError):
                raise TargetError(f"{vm.name} cannot be started for a trial: {error.message}", hint=left or error.hint) from None
            if left:
                told = error.message if isinstance(error, Error) else "the trial start was stopped"
                raise Stopped(f"{told}; {left}") from None
            raise
        self.look = self._listening.look

    def end(self) -> None:
        """Remove it all. Raises TargetError that names what stays."""
        if self._listening is not None:
            self._listening.end()
        elif self._console is not None:
            self._console.close(0)
        self._listening = self._console = None
        why, left = "", [self._twin, *self._files]
        try:
            for words in self._removal():
                self._virsh.succeeds(*words)
            until = time.monotonic() + _GONE_SECONDS
            while (left := self._there()) and time.monotonic() < until:
                time.sleep(0.5)  # whoever brought the console is removing it, too
        except Error as error:
            why = f": {error.message}"
        if left:
            by_hand = "; ".join(shlex.join(_typed(self._virsh.words(*words))) for words in self._removal())
            told = f"{', '.join(left)} may be left of a trial start on {self._virsh.host} (disks in the pool {self._pool}){why}"
            raise TargetError(told, hint=f"remove it there: {by_hand}")

    def _left_after(self) -> str:
        """Of a start that failed: what stays, and how it is removed."""
        try:
            self.end()
        except Error as error:
            return f"{error.message}; {error.hint}"
        return ""

    def _copy(self, file: str, disk: DiskImage, size_bytes: int) -> DiskImage:
        backing = ("--backing-vol", disk.path, "--backing-vol-format", disk.format)
        self._virsh.ask("vol-create-as", self._pool, file, str(size_bytes), "--format", "qcow2", *backing)
        return DiskImage(self._virsh.ask("vol-path", "--pool", self._pool, file).strip(), "qcow2")

    def _removal(self) -> list[tuple[str, ...]]:
        files = [("vol-delete", "--pool", self._pool, file) for file in self._files]
        return [("destroy", self._twin), ("undefine", self._twin, "--nvram"), *files]

    def _there(self) -> list[str]:
        there = [self._twin] if self._virsh.succeeds("dominfo", self._twin) else []
        return there + [file for file in self._files if self._virsh.succeeds("vol-info", "--pool", self._pool, file)]

    def _script(self) -> str:
        # Without -q it says when the console is there. The trap keeps the shell, but not virsh, alive when the line is cut.
        start = _typed(self._virsh.words("start", self._twin, "--paused", "--autodestroy", "--console"))
        after = "; ".join(shlex.join(self._virsh.words(*words)) for words in self._removal())
        alone = f"trap '' HUP INT TERM; {{ {after}; }} </dev/null >/dev/null 2>&1"
        return f"trap : HUP INT TERM; {shlex.join(start)}; s=$?; {alone}; exit $s"

    def _over(self, _: float) -> str:
        """Why the console ended."""
        assert self._console is not None
        status = self._console.stop()
        if status == 255:
            raise self._virsh.failed(self._console.said, status)
        return "it ended by itself"


def _await_connected(console: Channel, virsh: Virsh) -> None:
    """Nothing of what the twin says is lost, since it is paused until then."""
    said, until = "", time.monotonic() + _STARTS_SECONDS
    while not _CONNECTED.search(said):
        if not select.select([console.reads], [], [], max(until - time.monotonic(), 0))[0]:
            raise TargetError(f"its console did not come within {_STARTS_SECONDS:.0f} s", hint=_HINT)
        data = os.read(console.reads, 4096)
        if not data:
            status = console.stop(_GONE_SECONDS)
            refused = "PTY allocation request failed" in console.said
            if status == 255 and not refused:
                raise virsh.failed(console.said, status)
            lines = [line for line in cleaned(f"{said}\n{console.said}").splitlines() if line.strip()]
            why = " ".join(lines[-4:])[-500:] or f"virsh ended with status {status}"
            raise TargetError(why, hint=_NO_TERMINAL if refused else _HINT)
        said = (said + data.decode("utf-8", "replace"))[-4096:]


def _typed(words: Sequence[str]) -> tuple[str, ...]:
    """As an administrator types it: virsh may talk."""
    return tuple(word for word in words if word != "-q")
