"""The block maps of disks: each volume is asked in the way that fits it, and whatever nobody can answer for is copied."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB

from ..layout.joined import Joined
from ..layout.model import Kind, Layout, Volume
from ..layout.segments import SegmentReader
from ..source.view import MAX_SEGMENTS, ViewError, views
from ..types import BlockMap, Extent, Extents, Reader
from . import xfs_log
from .ext_bitmaps import ext_map
from .extents import coalesce, complement, intersect, normal, round_out, subtract, total, translate, union
from .model import DiskMap, Dropped, VolumeMap
from .partclone import PROGRAMS, MapError, domain_map

# Copied at both ends of every volume, whatever its map says: boot code, backup boot sectors, RAID metadata.
_EDGE = MIB
# Reading through a gap is cheaper than seeking over it, and few long runs are cheaper than many short ones.
_GAP = 64 * 1024
_SECTOR = 4096
_AT_ONCE = 4
_OWN = (Kind.SWAP, Kind.BTRFS)


@dataclass(frozen=True)
class Subject:
    """A disk to be mapped. `path` is what programs open; with `whole_because` it is copied from its first byte to its last.

    `holes` are known to read as zeros; the larger ones need not be read.
    """

    path: str
    whole_because: str = ""
    holes: Extents = ()


@dataclass(frozen=True)
class _Answer:
    """What of a volume is free; `dropped` are files in it."""

    free: Extents
    dropped: tuple[Dropped, ...] = ()


def map_disks(
    subjects: Sequence[Subject], joined: Joined, layouts: Sequence[Layout], runner: Runner, *, drop_page_files: bool = False
) -> list[DiskMap]:
    """Ask every volume, of all disks at once: a volume may lie on several of them."""
    walked = [(volume, depth, number) for number, layout in enumerate(layouts) for volume, depth in _walk(layout.volumes, 0)]
    blind = [_touching(volume, joined, subjects) for volume, _, _ in walked]
    asked = {
        place: volume
        for place, (volume, _, _) in enumerate(walked)
        if not volume.inner and not blind[place] and _is_mappable(volume)
    }
    answers = _ask([subject.path for subject in subjects], joined, asked, runner, drop_page_files)
    free: list[Extent] = []
    told: list[VolumeMap] = []
    for place, (volume, depth, _) in enumerate(walked):
        answer = answers.get(place, blind[place] or volume.content.whole_because or _why_not(volume))
        if isinstance(answer, _Answer):
            free += translate(answer.free, volume.segments)
        elif not blind[place]:
            # Inside a volume manager's edges nothing is given up, either.
            size = volume.size_bytes
            inside = translate((Extent(_EDGE, size - 2 * _EDGE),), volume.segments) if size > 2 * _EDGE else ()
            free += intersect(normal(volume.free), inside)
        because = answer if isinstance(answer, str) and not volume.inner else ""
        dropped = answer.dropped if isinstance(answer, _Answer) else ()
        told.append(VolumeMap(volume.name, volume.content, volume.size_bytes, 0, because, depth, dropped))
    exact = subtract(normal(joined.disks), normal(free))
    empty = normal(
        joined.moved(number, hole) for number, subject in enumerate(subjects) for hole in subject.holes if hole.length >= _GAP
    )
    volumes = [
        replace(item, copied_bytes=total(subtract(intersect(exact, normal(volume.segments)), empty)))
        for item, (volume, _, _) in zip(told, walked, strict=True)
    ]
    found = []
    for number, layout in enumerate(layouts):
        mine = tuple(item for item, (_, _, home) in zip(volumes, walked, strict=True) if home == number)
        found.append(_one_map(layout, mine, _on(joined, number, exact), _on(joined, number, empty)))
    return found


def _one_map(layout: Layout, volumes: tuple[VolumeMap, ...], exact: Extents, empty: Extents) -> DiskMap:
    used = coalesce(round_out(exact, _SECTOR, layout.size_bytes), _GAP)
    zeros, used = intersect(used, empty), subtract(used, empty)
    return DiskMap(BlockMap(layout.size_bytes, used), zeros, layout.table, volumes, layout.remarks)


def _on(joined: Joined, number: int, extents: Extents) -> Extents:
    """What of them is on one disk, in its own places."""
    disk = joined.disks[number]
    return tuple(joined.local(extent)[1] for extent in intersect(extents, normal([disk])))


def _touching(volume: Volume, joined: Joined, subjects: Sequence[Subject]) -> str:
    """Why a disk that the volume lies on must be copied whole, and the volume with it."""
    whole = [place for place, subject in enumerate(subjects) if subject.whole_because]
    hit = next((place for place in whole if any(joined.number(segment.start) == place for segment in volume.segments)), None)
    return subjects[hit].whole_because if hit is not None else ""


def _walk(volumes: tuple[Volume, ...], depth: int) -> Iterator[tuple[Volume, int]]:
    for volume in volumes:
        yield volume, depth
        yield from _walk(volume.inner, depth + 1)


def _is_mappable(volume: Volume) -> bool:
    known = volume.content.kind in _OWN or volume.content.kind in PROGRAMS
    return known and not volume.content.whole_because and not _why_not(volume)


def _why_not(volume: Volume) -> str:
    if volume.content.kind in _OWN or volume.content.kind in PROGRAMS:
        if len(volume.segments) > MAX_SEGMENTS:
            return f"it is spread over {len(volume.segments)} pieces of the disk"
        if any(extent.start % 512 or extent.length % 512 for extent in volume.segments):
            return "it does not begin or end with a sector"
        return ""
    return "" if volume.content.kind in (Kind.LVM, Kind.MD) else "no map of it is known"


def _ask(
    paths: Sequence[str], joined: Joined, volumes: Mapping[int, Volume], runner: Runner, drop_page_files: bool
) -> dict[int, _Answer | str]:
    """For each volume: the runs of it that are free, or why it is copied whole."""
    readers = {place: SegmentReader(joined, volume.segments) for place, volume in volumes.items()}
    own = {place: answer for place, volume in volumes.items() if (answer := _own(volume, readers[place])) is not None}
    if len(own) == len(volumes) and not drop_page_files:
        return dict(own)  # no other program has to be started
    shown = {
        place: [joined.local(segment) for segment in volume.segments]
        for place, volume in volumes.items()
        if place not in own or (drop_page_files and volume.content.kind is not Kind.SWAP)
    }

    def ask(place: int, view: Path | None) -> _Answer | str:
        volume = volumes[place]
        answer = own.get(place) or _ask_one(volume, view, runner)
        if isinstance(answer, str) or not drop_page_files or view is None:
            return answer
        from .page_files import page_files  # with it comes all that reads files

        dropped = tuple(page_files(volume.content.kind, view, readers[place], runner))
        size = volume.size_bytes
        # Not at the edges, which are kept whatever they hold.
        inside = subtract(union(*(item.places for item in dropped)), _edges(size))
        return _Answer(union(answer.free, inside), dropped)

    try:
        with views(paths, shown, runner) as found, ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(pool.map(lambda place: (place, ask(place, found.get(place))), volumes))
    except ViewError as error:
        return {place: error.message for place in volumes}


def _edges(size: int) -> Extents:
    return normal([Extent(0, min(_EDGE, size)), Extent(max(size - _EDGE, 0), min(_EDGE, size))])


def _own(volume: Volume, reader: Reader) -> _Answer | str | None:
    """What we understand ourselves, without any other program; or why it is copied whole; or None for others to say."""
    size = volume.size_bytes
    match volume.content.kind:
        case Kind.SWAP:
            return _free(((Extent(0, volume.content.used_bytes or size),), volume.content.size_bytes or size), size)
        case Kind.EXT:
            with suppress(MapError, OSError):
                return _free(ext_map(reader), size)
        case Kind.BTRFS:
            from .btrfs_extents import btrfs_map  # with it comes all that reads files

            try:
                return _free(btrfs_map(reader, size), size)
            except MapError as error:
                return error.message
    return None


def _ask_one(volume: Volume, view: Path | None, runner: Runner) -> _Answer | str:
    """The program that knows more file systems, and more of their versions."""
    assert view is not None
    why = xfs_log.unclean(view, runner) if volume.content.kind is Kind.XFS else ""
    if why:
        return why
    try:
        return _free(domain_map(view, volume.content, volume.size_bytes, runner), volume.size_bytes)
    except MapError as error:
        return error.message


def _free(mapped: tuple[Extents, int], size: int) -> _Answer:
    used, reach = mapped
    return _Answer(complement(union(used, _edges(size), normal([Extent(reach, size - reach)])), size))
