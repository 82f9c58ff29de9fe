"""Which operating systems are on some disks: told by a file or two of each volume, which nobody mounts for it."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xeninstall.base.run import Runner

from .files.btrfs import BtrfsFiles
from .files.model import Files, Findable
from .files.opened import TROUBLE, open_files
from .files.registry import Hive
from .layout.joined import Joined
from .layout.model import Kind, Volume
from .layout.read import read_layouts
from .layout.segments import SegmentReader
from .source.view import MAX_SEGMENTS, ViewError, views
from .types import DiskReader, Reader

_RELEASES = ("/usr/lib/os-release", "/etc/os-release")
_HIVES = ("/Windows/System32/config/SOFTWARE", "/WINDOWS/system32/config/software", "/WINNT/system32/config/software")
_CURRENT = "Microsoft\\Windows NT\\CurrentVersion"
_FIRST_ELEVEN = 22000
_MAX_BYTES = 65536
_ASKED = {Kind.EXT, Kind.XFS, Kind.BTRFS, Kind.NTFS, Kind.FAT}


@dataclass(frozen=True)
class System:
    """One operating system: `disk` counts the disks from 0, `volume` is where it was found."""

    disk: int
    volume: str
    family: str  # `linux`, `windows`
    name: str
    version: str
    host: str = ""

    @property
    def title(self) -> str:
        """All of it in a line."""
        return f"{self.name}{f', {self.version}' if self.version else ''}{f' ({self.host})' if self.host else ''}"


def systems(readers: Sequence[DiskReader], runner: Runner) -> list[System]:
    """Those of all volumes that can be looked into; damaged and encrypted ones have none to tell of."""
    joined = Joined(readers)
    asked = [
        (number, volume)
        for number, layout in enumerate(read_layouts(joined, readers))
        for volume in _leaves(layout.volumes)
        if volume.content.kind in _ASKED and 0 < len(volume.segments) <= MAX_SEGMENTS
    ]
    shown = {place: [joined.local(segment) for segment in volume.segments] for place, (_, volume) in enumerate(asked)}
    try:
        with views([reader.shown for reader in readers], shown, runner) as paths:
            found = [
                _look(number, volume, paths[place], SegmentReader(joined, volume.segments), runner)
                for place, (number, volume) in enumerate(asked)
            ]
    except ViewError:
        return []
    return [system for one in found for system in one]


def _leaves(volumes: Sequence[Volume]) -> Iterator[Volume]:
    for volume in volumes:
        yield from _leaves(volume.inner) if volume.inner else (volume,)


def _look(number: int, volume: Volume, view: Path, reader: Reader, runner: Runner) -> list[System]:
    try:
        files = open_files(volume.content.kind, view, reader, runner)
        if files is None:
            return []
        if isinstance(files, BtrfsFiles):
            return _apart(number, volume, files, reader)
        told = _windows(files, reader) if volume.content.kind is Kind.NTFS else _linux(files, reader)
        return [System(number, volume.name, *told)] if told is not None else []
    except TROUBLE:
        return []


def _apart(number: int, volume: Volume, files: BtrfsFiles, reader: Reader) -> list[System]:
    """The systems in subvolumes; of one alone nobody asks in which it is."""
    found = [(path, told) for path, subvolume in files.apart() if (told := _linux(subvolume, reader)) is not None]
    return [System(number, f"{volume.name}, subvolume {path}" if len(found) > 1 else volume.name, *told) for path, told in found]


def _linux(files: Findable, reader: Reader) -> tuple[str, str, str, str] | None:
    for path in _RELEASES:
        text = _text(files, reader, path)
        if text is None:
            continue
        fields = dict(_assignments(text))
        name = fields.get("NAME") or fields.get("ID") or "Linux"
        host = (_text(files, reader, "/etc/hostname") or "").strip().split("\n")[0][:64]
        return "linux", name, fields.get("VERSION") or fields.get("VERSION_ID") or "", host if host.isprintable() else ""
    return None


def _text(files: Findable, reader: Reader, path: str) -> str | None:
    found = files.find(path)
    return found.read(reader, 0, _MAX_BYTES).decode("utf-8", "replace") if found is not None else None


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """os-release(5): lines of shell assignments."""
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or not name.isidentifier():
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        yield name, "".join(char for char in " ".join(words) if char.isprintable())[:100]


def _windows(files: Files, reader: Reader) -> tuple[str, str, str, str] | None:
    for path in _HIVES:
        found = files.find(path)
        if found is None:
            continue
        read: Callable[[int, int], bytes] = partial(found.read, reader)
        values = Hive(read).values(_CURRENT) or {}
        build = str(values.get("currentbuildnumber", values.get("currentbuild", "")))
        name = str(values.get("productname", "Windows"))
        # Windows 11 still calls itself 10 there.
        if build.isdigit() and int(build) >= _FIRST_ELEVEN and "Server" not in name:
            name = name.replace("Windows 10", "Windows 11")
        update = f".{values['ubr']}" if isinstance(values.get("ubr"), int) else ""
        known = values.get("displayversion") or values.get("releaseid") or values.get("csdversion") or ""
        return "windows", name, ", ".join(part for part in (str(known), f"build {build}{update}" if build else "") if part), ""
    return None
