"""Encrypted volumes are opened by a passphrase: each becomes one more disk, for whoever looks for systems.

cryptsetup finds the key, which takes no device-mapper; it is told to nobody but the process that decrypts.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner

from ..layout.joined import Joined
from ..layout.luks import encryption
from ..layout.model import Damaged, Kind
from ..layout.read import read_layouts
from ..layout.segments import SegmentReader
from ..source.file import FileReader
from ..target.password import Password
from ..types import Encryption, Reader
from .apply import RepairError
from .loops import loop_device
from .slots import Slot, slots

_SECONDS = 300  # for one passphrase: how long finding a key takes is the header's word
_KEY = re.compile(r"dump:\s*((?:[0-9a-f]{2}\s*)+)\Z")
_WRONG, _NO_MEMORY, _TOO_LONG = 2, 3, 124


@dataclass(frozen=True)
class Unlocked:
    """Every volume, those within encrypted ones among them, on these disks, of which the last are what was opened."""

    slots: tuple[Slot, ...]
    disks: tuple[Path, ...]
    remarks: tuple[str, ...] = ()
    closed: tuple[Slot, ...] = ()  # what is still encrypted

    @property
    def locked(self) -> tuple[str, ...]:
        """The same in words."""
        return tuple(f"{slot.title} is encrypted ({slot.volume.content.title})" for slot in self.closed)


@contextmanager
def unlocked(
    readers: Sequence[Reader], disks: Sequence[Path], passphrases: Sequence[Password], runner: Runner
) -> Iterator[Unlocked]:
    """Look at the disks, whose raw files can be written. Raises RepairError when passphrases open nothing."""
    joined = Joined(readers)
    found = slots(joined, read_layouts(joined, readers), readers)
    closed = [slot for slot in found if slot.kind is Kind.LUKS]
    remarks, opened = [], []
    with ExitStack() as stack:
        if closed and passphrases:
            # Loaded when it is asked for: it takes a library that nothing else here needs.
            from ..source.decrypted import decrypted_view
        for slot in closed if passphrases else ():
            try:
                how = encryption(SegmentReader(joined, [joined.moved(*place) for place in slot.places], slot.title))
                key = _key(slot, disks, how, passphrases, runner)
                opened.append((slot, stack.enter_context(decrypted_view(disks, slot.places, how, key, runner))))
            except (Error, Damaged, OSError) as problem:
                text = problem.message if isinstance(problem, Error) else str(problem)
                remarks.append(f"{slot.title} is encrypted ({slot.volume.content.title}) and was not opened: {text}")
        if remarks and not opened:
            raise RepairError("; ".join(remarks), hint="see the passphrase given by --unlock, or leave --unlock out")
        if opened:
            more = []
            for _, path in opened:
                more.append(FileReader(path))
                stack.callback(more[-1].close)
            found = _with_opened([*readers, *more], len(readers), [slot for slot, _ in opened], remarks)
        still = [slot for slot in found if slot.kind in (Kind.LUKS, Kind.BITLOCKER) and not _is_open(slot, opened)]
        yield Unlocked(tuple(found), (*disks, *(path for _, path in opened)), tuple(remarks), tuple(still))


def _is_open(slot: Slot, opened: Sequence[tuple[Slot, Path]]) -> bool:
    return any(slot.places == one.places for one, _ in opened)


def _with_opened(readers: Sequence[Reader], own: int, containers: Sequence[Slot], remarks: list[str]) -> list[Slot]:
    """All volumes once more, with those in what was opened, which have no number that a device's name could mean."""
    joined = Joined(readers)
    layouts = list(read_layouts(joined, readers))
    for number, container in enumerate(containers, own):
        if any(volume.content.kind is Kind.MD for volume in layouts[number].volumes):
            # The other half of a mirror would have to follow, and be opened as well.
            remarks.append(f"{container.title} holds a RAID member: what is in it is not repaired")
            layouts[number] = replace(layouts[number], volumes=())
    return [
        slot if slot.named.disk < own else _inside(slot, containers[slot.named.disk - own])
        for slot in slots(joined, layouts, readers)
    ]


def _inside(slot: Slot, container: Slot) -> Slot:
    named = replace(slot.named, disk=container.named.disk, partition=-1, partuuid="", within=container.named.uuid)
    name = slot.volume.name if named.logical else f"{container.volume.name} opened"
    return replace(slot, named=named, volume=replace(slot.volume, name=name))


def _key(slot: Slot, disks: Sequence[Path], how: Encryption, passphrases: Sequence[Password], runner: Runner) -> bytes:
    """The volume key. Raises Error."""
    with ExitStack() as stack:
        device = loop_device(slot, disks, runner, stack)
        argv = [
            "timeout",
            str(_SECONDS),
            "cryptsetup",
            "luksDump",
            "--batch-mode",
            "--dump-volume-key",
            "--key-file",
            "-",
            device,
        ]
        for passphrase in passphrases:
            # What it says when all is well holds the key: it goes nowhere else.
            done = runner.run(argv, stdin=passphrase.text.encode("utf-8", "surrogateescape"), check=False)
            match done.status:
                case 0:
                    told = _KEY.search(done.stdout)
                    if told is None:
                        raise RepairError("cryptsetup gave no key")
                    return bytes.fromhex("".join(told[1].split()))
                case status if status == _WRONG:
                    continue
                case status if status == _NO_MEMORY:
                    raise RepairError("finding its key takes more memory than this machine has")
                case status if status == _TOO_LONG:
                    raise RepairError(f"its key was not found within {_SECONDS} s")
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise RepairError(f"cryptsetup failed: {said[0][:200]}")
    if how.machine_only:
        raise RepairError("its only keys are kept by the machine's TPM or a token: add a passphrase in the running system")
    raise RepairError("no passphrase that was given opens it")
