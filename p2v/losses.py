"""What could not be read: written down as ddrescue's map, and told as the files that were hit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .beside import write_beside
from .blockmap.extents import intersect, normal
from .copy import Outcome
from .files.opened import TROUBLE, open_files
from .layout.joined import Joined
from .layout.model import Volume
from .layout.read import read_layouts
from .layout.segments import SegmentReader
from .source.view import ViewError, views
from .task import Task
from .types import DiskReader, Extent, Extents, Reader

_MAX_TOLD = 50


def tell_losses(
    tasks: Sequence[Task], outcomes: Sequence[Outcome], readers: Sequence[DiskReader], runner: Runner, emit: Emit
) -> list[str]:
    """A line for each disk that lost bytes; the files are told one by one. `readers` are all disks of the request."""
    lines = []
    hit: dict[int, Extents] = {}
    for task, outcome in zip(tasks, outcomes, strict=True):
        for number, reader in enumerate(task.readers):
            bad = normal(extent for disk, extent in outcome.bad if disk == number)
            if not bad:
                continue
            hit[task.goal.disks[number]] = bad
            lost = format_size(sum(extent.length for extent in bad))
            line = f"{reader.name}: {lost} in {len(bad)} place{'s' if len(bad) > 1 else ''}"
            if task.goal.path is not None and not task.goal.path.is_block_device():
                place = task.goal.path.with_name(f"{task.goal.path.name}.{number}.bad.map")
                write_beside(
                    place, ddrescue_map(bad, reader.size_bytes), "the images are complete but for what could not be read"
                )
                line += f" (map: {place})"
            emit(Note(line, warning=True))
            lines.append(line)
    if hit:
        for text in list(files_hit(readers, hit, runner))[:_MAX_TOLD]:
            emit(Note(f"hit: {text}", warning=True))
    return lines


def ddrescue_map(bad: Extents, size_bytes: int, status: str = "-", rest: str = "+") -> str:
    """A map in ddrescue's format (its manual, "Mapfile structure"): `-` is bad, `+` is rescued, `?` is not tried."""
    lines = [
        "# Mapfile. Created by p2v",
        "# current_pos  current_status  current_pass",
        f"0x{size_bytes:08X}     +               1",
    ]
    lines.append("#      pos        size  status")
    place = 0
    for start, length in bad:
        if start > place:
            lines.append(f"0x{place:08X}  0x{start - place:08X}  {rest}")
        lines.append(f"0x{start:08X}  0x{length:08X}  {status}")
        place = start + length
    if place < size_bytes:
        lines.append(f"0x{place:08X}  0x{size_bytes - place:08X}  {rest}")
    return "\n".join(lines) + "\n"


def files_hit(readers: Sequence[DiskReader], hit: Mapping[int, Extents], runner: Runner) -> Iterator[str]:
    """What lay there, as far as it can be told."""
    joined = Joined(readers)
    bad = normal(joined.moved(number, extent) for number, extents in hit.items() for extent in extents)
    layouts = read_layouts(joined, readers)
    several = len(readers) > 1
    volumes = [(number, volume) for number, layout in enumerate(layouts) for volume in _leaves(layout.volumes)]
    for number, volume in volumes:
        inside = _within(bad, volume.segments)
        if not inside:
            continue
        try:
            places = {0: [joined.local(segment) for segment in volume.segments]}
            with views([reader.shown for reader in readers], places, runner) as paths:
                found = _files(volume, inside, paths[0], SegmentReader(joined, volume.segments), runner)
        except ViewError as error:
            found = [f"files unknown ({error.message[:100]})"]
        for text in found:
            yield f"{readers[number].name + ', ' if several else ''}{volume.name}: {text}"
    nowhere = [extent for extent in bad if not any(intersect((extent,), normal(volume.segments)) for _, volume in volumes)]
    for extent in nowhere:
        number, place = joined.local(extent)
        yield f"{readers[number].name + ', ' if several else ''}byte {place.start}: outside of all partitions"


def _files(volume: Volume, inside: Extents, view: Path, reader: Reader, runner: Runner) -> list[str]:
    places = f"{len(inside)} place{'s' if len(inside) > 1 else ''} in {volume.content.title or 'unknown content'}"
    try:
        files = open_files(volume.content.kind, view, reader, runner)
        return list(files.hit(inside)) if files is not None else [f"{places}; files unknown"]
    except TROUBLE as error:
        return [f"{places}; files unknown ({str(error)[:100]})"]


def _leaves(volumes: Sequence[Volume]) -> Iterator[Volume]:
    for volume in volumes:
        if volume.inner:
            yield from _leaves(volume.inner)
        else:
            yield volume


def _within(bad: Extents, segments: Sequence[Extent]) -> Extents:
    """Runs of the disk as runs of the volume."""
    found: list[Extent] = []
    begin = 0
    for segment in segments:
        found += [Extent(part.start - segment.start + begin, part.length) for part in intersect(bad, (segment,))]
        begin += segment.length
    return normal(found)
