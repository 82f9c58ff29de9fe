"""What is asked of a conversion, and where each image of it goes: checked whole before anything is opened."""

from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError

from .image.table import FORMATS, Format

STDOUT = "-"
PAGE_FILES = "page-files"


@dataclass(frozen=True)
class Request:
    """The options of `p2v convert`. `limit` is in bytes a second for each image."""

    disks: tuple[str, ...]
    to: str
    format: str
    everything: bool = False
    allow_mounted: bool = False
    compress: bool = False
    checksum: str = "xxhash"
    name: str = "p2v"
    limit: int | None = None
    resume: bool = False
    overlay: str | None = None
    machine: str = ""  # the virtual machine as JSON, for a format that describes one
    drop: tuple[str, ...] = ()

    @property
    def image_format(self) -> Format:
        """The format's row. Raises UsageError."""
        if self.format not in FORMATS:
            raise UsageError(f"{self.format!r} is not a format", hint=f"choose one of {', '.join(FORMATS)}")
        return FORMATS[self.format]

    def options(self) -> dict[str, str]:
        """What the format needs to make the same image again."""
        found = {"name": self.name}
        if self.machine and self.image_format.holds_many:
            found["machine"] = self.machine
        if self.compress:
            found["compress"] = "yes"
        if self.format == "xva":
            found["checksum"] = self.checksum
        return found


@dataclass(frozen=True)
class Goal:
    """One image: which disks, by their place in the request, go to which file; None is standard output, or what `title` says."""

    disks: tuple[int, ...]
    path: Path | None
    title: str = "standard output"

    @property
    def name(self) -> str:
        """For messages and progress."""
        return str(self.path) if self.path is not None else self.title


def is_address(to: str) -> bool:
    """Whether `--to` names a target and not a file."""
    return "://" in to


def goals(request: Request) -> tuple[Goal, ...]:
    """The images of a request. Raises UsageError."""
    check_request(request)
    form = request.image_format
    groups: list[tuple[int, ...]] = (
        [tuple(range(len(request.disks)))] if form.holds_many else [(number,) for number in range(len(request.disks))]
    )
    if request.to == STDOUT:
        return (_standard_output(request, form, groups),)
    to = Path(request.to)
    if to.is_dir():
        names = [request.name if form.holds_many else Path(request.disks[group[0]]).stem for group in groups]
        paths = [to / f"{_unique(names, number)}.{form.suffix}" for number in range(len(names))]
        return tuple(Goal(group, path) for group, path in zip(groups, paths, strict=True))
    if len(groups) > 1:
        raise UsageError(
            f"{len(groups)} disks do not go into one {request.format} file", hint="name a folder, or choose ova or xva"
        )
    if not to.parent.is_dir():
        raise UsageError(f"the folder {to.parent} does not exist", hint="make it, or see that it is mounted")
    if to.is_block_device() and request.format != "raw":
        raise UsageError(f"{to} is a disk, and {request.format} is a file", hint="choose --format raw, or name a file")
    return (Goal(groups[0], to),)


def check_request(request: Request) -> None:
    """What is wrong with it wherever it goes. Raises UsageError."""
    form = request.image_format
    if not request.disks:
        raise UsageError("no disk was named", hint="name one or more; list them with: lsblk -d")
    if len(set(request.disks)) != len(request.disks):
        raise UsageError("a disk was named twice", hint="name each disk once")
    if request.drop and request.everything:
        raise UsageError("--drop and --everything contradict each other", hint="leave one of them out")
    if request.overlay is not None and len(request.disks) > 1:
        raise UsageError("--overlay belongs to one disk", hint="convert the disks one by one")
    if request.compress and not form.compresses:
        able = ", ".join(name for name, other in FORMATS.items() if other.compresses)
        raise UsageError(f"{request.format} is not compressed", hint=f"leave --compress out, or choose {able}")


def _standard_output(request: Request, form: Format, groups: list[tuple[int, ...]]) -> Goal:
    if len(groups) > 1:
        raise UsageError(f"{len(groups)} images do not go into one pipe", hint="name one disk, or choose ova or xva")
    if request.resume:
        raise UsageError("what went into a pipe cannot be resumed", hint="leave --resume out, or name a file")
    if form.by_qemu:
        raise UsageError(f"{request.format} is not written as a stream", hint="name a file, or choose another format")
    if request.compress and form.compressed_goes_back:
        hint = "leave --compress out and send the stream through zstd, or choose vmdk"
        raise UsageError(f"compressed {request.format} is not written as a stream", hint=hint)
    return Goal(groups[0], None)


def _unique(names: list[str], number: int) -> str:
    same = [place for place, name in enumerate(names) if name == names[number]]
    return names[number] if len(same) == 1 else f"{names[number]}-{same.index(number) + 1}"
