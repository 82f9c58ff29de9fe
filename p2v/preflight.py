"""Every verdict before anything moves: what is there, what stands against converting it, how much it is, how long it takes."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Runner
from xeninstall.base.sizes import GIB, MIB, format_duration, format_size

from .blockmap.model import DiskMap
from .convert import map_sources
from .guest.tree import printable
from .image.model import FormatError
from .image.table import FORMATS
from .layout.keepers import TPM
from .layout.model import Content, Kind
from .pace import Pace, of_disks, of_folder
from .repaired import Looked, Told, Wishes, plan_only
from .request import Goal, Request, goals
from .source.device import open_source
from .task import image_length
from .types import DiskReader
from .vm.model import check_mode_of_windows

_SPARED_BYTES = 1 << 30  # a place with less is not written to for a measurement
_RUNS_HERE = ("x86_64", "i386", "amd64", "x86")
_HIBERNATES = "Windows hibernates, or was shut down by a fast start-up"
_SHUT_DOWN = "start it and shut it down with: shutdown /s /f /t 0"
_UNREPAIRED = "with nothing repaired (without --repair, or convert.repair = false)"


class Severity(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    REFUSED = "refused"  # the conversion that was asked for would fail, or what it makes would not start


@dataclass(frozen=True)
class Finding:
    """One verdict. `remedy` says what to do, where something can be done."""

    severity: Severity
    subject: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Preflight:
    """All verdicts. Bytes and seconds are None where they cannot be told; `seconds` are those of the copy."""

    findings: tuple[Finding, ...]
    systems: Looked
    read_bytes: int
    image_bytes: int | None
    free_bytes: int | None
    seconds: float | None
    paces: tuple[Pace, ...] = ()  # what the seconds were made of
    compare_seconds: float | None = None  # what reading all again takes at the target; None where nobody does

    @property
    def downtime_seconds(self) -> float | None:
        """How long the source must stand still, beside repairs and a trial start."""
        return None if self.seconds is None else self.seconds + (self.compare_seconds or 0)

    @property
    def refused(self) -> bool:
        """Whether anything stands against it."""
        return any(finding.severity is Severity.REFUSED for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "refused": self.refused,
            "findings": [asdict(finding) for finding in self.findings],
            "read_bytes": self.read_bytes,
            "image_bytes": self.image_bytes,
            "free_bytes": self.free_bytes,
            "seconds": _rounded(self.seconds),
            "downtime_seconds": _rounded(self.downtime_seconds),
            "paces": [{"of": pace.of, "bytes_per_second": round(pace.bytes_per_second)} for pace in self.paces],
            **self.systems.as_json(),
        }

    def as_text(self) -> str:
        """For people."""
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.severity.upper():<8} {finding.subject}: {finding.text}")
            lines += [f"         -> {finding.remedy}"] if finding.remedy else []
        image = format_size(self.image_bytes) if self.image_bytes is not None else "as much as compression leaves"
        lines += ["", f"to read: {format_size(self.read_bytes)}; image: {image}"]
        lines += [f"free at the target: {format_size(self.free_bytes)}"] if self.free_bytes is not None else []
        if self.seconds is not None and self.downtime_seconds is not None:
            lines.append(f"time: about {format_duration(self.seconds)} to copy")
            lines += [f"  {pace.title}" for pace in self.paces]
            until = "copied" if self.compare_seconds is None else "copied and compared"
            lines.append(
                f"downtime: about {format_duration(self.downtime_seconds)}, in which the source must stand still until all is "
                f"{until}; repairs and a trial start come on top"
            )
        lines += ["", "It can be converted." if not self.refused else "It cannot be converted like this: see what is REFUSED."]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Room:
    """A place on a host, what is free there, and how fast the way there is; None where that cannot be told. See Storage for
    the others.
    """

    name: str
    free_bytes: int | None
    pace: Pace | None = None
    thick: bool = False
    most_bytes: int | None = None


def preflight(request: Request, wishes: Wishes | None, runner: Runner, room: Room | None = None) -> Preflight:
    """Look at everything, and change nothing; without wishes nothing is going to be repaired, `room` is of a target that is no
    file. Raises Error only for a request that cannot be understood.
    """
    each = tuple(Goal((number,), None, disk) for number, disk in enumerate(request.disks))
    planned = goals(request) if room is None else each
    findings: list[Finding] = []
    with ExitStack() as stack:
        readers: list[DiskReader] = []
        for disk in request.disks:
            try:
                readers.append(stack.enter_context(open_source(disk, allow_mounted=request.allow_mounted)))
            except Error as error:
                findings.append(Finding(Severity.REFUSED, disk, error.message, error.hint))
        if len(readers) < len(request.disks):
            return Preflight(tuple(findings), Looked((), ()), 0, None, None, None)
        maps = map_sources(readers, runner, everything=request.everything)
        for reader, disk_map in zip(readers, maps, strict=True):
            findings += _of_disk(reader.name, disk_map, unlocked=wishes is not None and bool(wishes.passphrases))
        read_bytes = sum(disk_map.block_map.used_bytes for disk_map in maps)
        image_bytes: int | None = 0
        for goal in planned:
            chosen = [maps[number] for number in goal.disks]
            try:
                length = image_length(request, goal, readers, chosen)
            except FormatError as error:
                findings.append(
                    Finding(Severity.REFUSED, f"format {request.format}", error.message, error.hint or _other_formats())
                )
                continue
            image_bytes = None if image_bytes is None or length is None else image_bytes + length
        free = room.free_bytes if room is not None else _free(planned[0].path)
        if free is not None and image_bytes is not None:
            place = room.name if room is not None else str(planned[0].path.parent) if planned[0].path else "target"
            sparse = min(image_bytes, read_bytes + image_bytes // 1000 + 16 * MIB)
            findings.append(_space(place, free, image_bytes if room is not None and room.thick else sparse))
        if room is not None and room.most_bytes is not None:
            findings += _too_large(room.name, room.most_bytes, readers)
        paces = _paces(readers, maps, planned[0].path, room, free)
    try:
        looked = plan_only(request.disks, wishes, runner, allow_mounted=request.allow_mounted)
    except Error as error:
        severity = Severity.REFUSED if wishes is not None else Severity.WARNING
        findings.append(Finding(severity, "systems", error.message, error.hint))
        looked = Looked((), ())
    findings += _of_repairs(looked, wishes) if wishes is not None else _as_they_are(looked)
    seconds = _seconds(paces, read_bytes, request.limit * len(planned) if request.limit else None)
    return Preflight(tuple(findings), looked, read_bytes, image_bytes, free, seconds, paces, _seconds(paces, read_bytes))


def _of_disk(name: str, disk_map: DiskMap, *, unlocked: bool) -> Iterator[Finding]:
    for remark in disk_map.remarks:
        yield Finding(Severity.WARNING, name, remark)
    for volume in disk_map.volumes:
        subject, content = f"{name}, {volume.name}", volume.content
        yield from _of_keepers(subject, content)
        match content.kind:
            case Kind.LUKS if unlocked:
                # Whether it was opened is told with the systems.
                yield Finding(Severity.NOTE, subject, f"it is encrypted ({content.title}): it is copied whole")
            case Kind.LUKS:
                text = f"it is encrypted ({content.title}): it is copied whole, and what is in it is not repaired"
                remedy = "give its passphrase (--unlock, convert.unlock)"
                yield Finding(Severity.WARNING, subject, text, remedy)
            case Kind.BITLOCKER:
                text = "it is encrypted by BitLocker: it is copied whole, and Windows in it cannot be repaired"
                remedy = "switch it off first (manage-bde -off C:), or have its recovery key at hand for the first start"
                yield Finding(Severity.WARNING, subject, text, remedy)
            case Kind.SWAP if content.whole_because:
                remedy = "start the system and shut it down, so that nothing waits to be resumed on other hardware"
                yield Finding(Severity.WARNING, subject, content.whole_because, remedy)
            case _ if volume.whole_because:
                yield Finding(Severity.NOTE, subject, f"copied whole, since {volume.whole_because}")


def _of_keepers(subject: str, content: Content) -> Iterator[Finding]:
    """What opens an encrypted volume by itself at this machine's start, and will not where it goes."""
    if not content.kept_by:
        return
    by, is_luks = " or ".join(content.kept_by), content.kind is Kind.LUKS
    stays = any(one.startswith(TPM) for one in content.kept_by)
    if content.kept_only:
        add = "cryptsetup luksAddKey" if is_luks else "manage-bde -protectors -add C: -RecoveryPassword"
        remedy = f"add a {'passphrase' if is_luks else 'recovery key'} in the running system first: {add}"
        text = "stays behind: the virtual machine cannot read it" if stays else "may be out of the virtual machine's reach"
        yield Finding(Severity.WARNING, subject, f"{by} alone opens it, and {text}", remedy)
    elif stays:
        asks = "the system asks for a passphrase" if is_luks else "Windows asks for its recovery key"
        remedy = "have it at hand for the first start"
        yield Finding(Severity.WARNING, subject, f"{by} opens it, and stays behind: {asks}", remedy)
    else:
        yield Finding(Severity.NOTE, subject, f"{by} opens it at the start: see that the virtual machine reaches that")


def _of_repairs(looked: Looked, wishes: Wishes) -> Iterator[Finding]:
    for title in looked.hibernated:
        if not wishes.drop_hibernation:
            remedy = f"{_SHUT_DOWN}; or give --drop-hibernation (convert.drop_hibernation)"
            yield Finding(Severity.REFUSED, title, _HIBERNATES, remedy)
    for report in looked.reports:
        told = report.as_json()
        name, architecture = _name_of(report)
        if report.traits.windows:
            try:
                check_mode_of_windows(wishes.mode)
            except UsageError as error:
                yield Finding(Severity.REFUSED, name, error.message, error.hint)
        if architecture not in _RUNS_HERE:
            text = f"it is built for {architecture}: a host with x86 processors cannot run it"
            yield Finding(Severity.REFUSED, name, text, f"convert it for a host of its own kind, {_UNREPAIRED}")
        elif report.unbootable:
            kernels = f"kernel{'s' if len(report.unbootable) > 1 else ''} {', '.join(report.unbootable)}"
            has = "have" if len(report.unbootable) > 1 else "has"
            text = f"it can be repaired, but its {kernels} {has} no driver for virtual disks that would be there at the start"
            remedy = "install a kernel of the distribution first, or choose another one when the virtual machine starts"
            yield Finding(Severity.WARNING, name, printable(text), remedy)
        else:
            yield Finding(Severity.GOOD, name, "it can be repaired")
        repairs = told["repairs"]
        assert isinstance(repairs, list)
        for one in repairs:
            for remark in one["remarks"]:
                yield Finding(Severity.WARNING, name, printable(remark))
    for remark in looked.remarks:
        yield Finding(Severity.WARNING, "systems", printable(remark))
    if not looked.reports:
        remedy = f"convert it {_UNREPAIRED}, and make it start by hand"
        yield Finding(Severity.REFUSED, "systems", "none was found that can be repaired", remedy)


def _as_they_are(looked: Looked) -> Iterator[Finding]:
    """Where nothing is repaired: what each system will meet where it goes."""
    for title in looked.hibernated:
        yield Finding(Severity.WARNING, title, f"{_HIBERNATES}: it goes on from there on other hardware, or fails to", _SHUT_DOWN)
    for report in looked.reports:
        name, architecture = _name_of(report)
        text = "nothing is repaired: it starts only where its own drivers and names fit"
        if architecture not in _RUNS_HERE:
            text += f", on a host with {architecture} processors"
        yield Finding(Severity.WARNING, name, text)
    for remark in looked.remarks:
        yield Finding(Severity.NOTE, "systems", printable(remark))
    if not looked.reports:
        yield Finding(Severity.WARNING, "systems", "none was found that is known: what is there is copied as it is")


def _name_of(report: Told) -> tuple[str, str]:
    """What a system is called, and what it is built for."""
    guest = report.as_json()["guest"]
    assert isinstance(guest, dict)
    return str(guest["name"]), str(guest["architecture"])


def _paces(
    readers: Sequence[DiskReader], maps: Sequence[DiskMap], path: Path | None, room: Room | None, free: int | None
) -> tuple[Pace, ...]:
    there = room.pace if room is not None else None
    if room is None and path is not None and free is not None and free > _SPARED_BYTES:
        there = of_folder(path.parent)
    return tuple(pace for pace in (of_disks(readers, maps), there) if pace is not None)


def _space(place: str, free: int, needed: int) -> Finding:
    if needed > free:
        text = f"it has {format_size(free)} left, and the image may take {format_size(needed)}"
        return Finding(Severity.REFUSED, place, text, "make room, or name another folder")
    return Finding(Severity.GOOD, place, f"it has {format_size(free)} left, which is enough")


def _too_large(place: str, most_bytes: int, readers: Sequence[DiskReader]) -> Iterator[Finding]:
    for reader in readers:
        if reader.size_bytes > most_bytes:
            text = f"it takes disks of {most_bytes // GIB} GiB at most, and {reader.name} has {format_size(reader.size_bytes)}"
            yield Finding(Severity.REFUSED, place, text, "name another storage")


def _free(path: Path | None) -> int | None:
    if path is None or path.is_block_device():
        return None
    return shutil.disk_usage(path.parent).free


def _seconds(paces: Sequence[Pace], total: int, limit: int | None = None) -> float | None:
    """What so many bytes take at the slowest of these."""
    known = [pace.bytes_per_second for pace in paces]
    return total / min([*known, *([limit] if limit else [])]) if known and total else None


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _other_formats() -> str:
    return f"choose another of {', '.join(FORMATS)}"
