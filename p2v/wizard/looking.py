"""What the steps know beyond the answers: what was found on the disks, at the target, and by the look before the conversion."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from p2v.conversion import Conversion
from p2v.convert import map_sources
from p2v.inspection import inspected
from p2v.layout.model import Kind
from p2v.preflight import Preflight
from p2v.source.device import open_source
from p2v.systems import systems
from p2v.target.model import Storage
from p2v.target.password import Password
from p2v.to_host import conversion_to
from p2v.types import DiskReader
from xeninstall.answers.model import Convert
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.wizard.kit import Session


@dataclass(frozen=True)
class OnDisk:
    """One disk: what is on it, or why it cannot be looked into."""

    systems: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # what the systems call themselves
    copied_bytes: int = 0
    locked: tuple[str, ...] = ()  # encrypted volumes (LUKS) that no passphrase opened yet
    trouble: str = ""


@dataclass
class Found:
    """Kept with the session for the steps of this flow."""

    disks: dict[str, OnDisk] = field(default_factory=dict)  # by path
    place: dict[str, str] = field(default_factory=dict)  # by target: what was said of it when it was tried
    storages: dict[str, tuple[Storage, ...]] = field(default_factory=dict)  # by host: those that it has
    verdicts: dict[str, Preflight | str] = field(default_factory=dict)  # by the answers: what was found, or why nothing was
    password: Password | None = None  # of a host; it is in no answer and no file
    passphrases: tuple[Password, ...] = ()  # of encrypted volumes, as they were typed; the same holds for them
    facts: dict[str, str] = field(default_factory=dict)  # how it ended
    stop: threading.Event = field(default_factory=threading.Event)


def found(session: Session) -> Found:
    """This session's."""
    return session.part(Found)


def look(paths: Sequence[str], runner: Runner, passphrases: tuple[Password, ...] = ()) -> dict[str, OnDisk]:
    """Every disk, opened for reading only; passphrases show what is in encrypted volumes. Takes a second or so for each.

    Raises Error where passphrases open nothing.
    """
    out: dict[str, OnDisk] = {}
    with ExitStack() as stack:
        readers: dict[str, DiskReader] = {}
        for path in paths:
            try:
                readers[path] = stack.enter_context(open_source(path))
            except (Error, OSError) as error:
                out[path] = OnDisk(trouble=error.message if isinstance(error, Error) else str(error.strerror or error))
        try:
            opened = list(readers.values())
            maps, installed = map_sources(opened, runner), systems(opened, runner)
        except Error as error:
            return out | {path: OnDisk(trouble=error.message) for path in readers}
        for number, path in enumerate(readers):
            mine = [system for system in installed if system.disk == number]
            titles, hosts = tuple(one.title for one in mine), tuple(one.host for one in mine if one.host)
            locked = tuple(volume.name for volume in maps[number].volumes if volume.content.kind is Kind.LUKS)
            out[path] = OnDisk(titles, hosts, maps[number].block_map.used_bytes, locked)
    return _opened(out, list(readers), runner, passphrases) if passphrases else out


def _opened(seen: dict[str, OnDisk], paths: list[str], runner: Runner, passphrases: tuple[Password, ...]) -> dict[str, OnDisk]:
    """The same with the systems in what the passphrases opened."""
    inspection = inspected(paths, passphrases, runner)
    for number, path in enumerate(paths):
        before = seen[path]
        locked = tuple(name for disk, name in inspection.locked if disk == number)
        inside = [one for one in inspection.systems if one.disk == number]
        if len(locked) < len(before.locked):
            known = (*before.systems, *(one.name for one in inside if not any(one.name in title for title in before.systems)))
            seen[path] = replace(before, systems=known, locked=locked)
    return seen


def answers(session: Session) -> Convert:
    """The valid part of the answers."""
    wanted: Convert = session.draft.section("convert")
    return wanted


def conversion(session: Session) -> Conversion:
    """The one that the answers describe. Raises UsageError while they are not whole."""
    kept = found(session)
    return conversion_to(answers(session), session.machine, session.runner, kept.password, kept.passphrases)


def key_of(session: Session) -> str:
    """What a verdict was about: another answer makes it worth nothing."""
    return answers(session).model_dump_json()


def verdict(session: Session) -> Preflight | str | None:
    """What was found for these very answers; None when nobody has looked."""
    return found(session).verdicts.get(key_of(session))


def log_path(state: Path) -> Path:
    """Where the log of conversions is."""
    return state / "convert.log"
