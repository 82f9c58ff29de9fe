"""A disk's block map: each volume is asked in the way that fits it, and whatever nobody can answer for is copied."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB

from ..layout.model import Kind, Layout, Volume
from ..source.view import MAX_SEGMENTS, ViewError, views
from ..types import BlockMap, Extent, Extents
from . import xfs_log
from .extents import coalesce, complement, intersect, normal, round_out, subtract, total, translate, union
from .model import DiskMap, VolumeMap
from .partclone import PROGRAMS, MapError, domain_map

# Copied at both ends of every volume, whatever its map says: boot code, backup boot sectors, RAID metadata.
_EDGE = MIB
# Reading through a gap is cheaper than seeking over it, and few long runs are cheaper than many short ones.
_GAP = 64 * 1024
_SECTOR = 4096
_AT_ONCE = 4


def map_disk(path: str, layout: Layout, runner: Runner, *, whole_because: str = "", holes: tuple[Extent, ...] = ()) -> DiskMap:
    """Ask every volume. With `whole_because`, none: the disk is copied from its first byte to its last for that reason.

    `holes` are known to read as zeros; the larger ones need not be read.
    """
    leaves = [volume for volume, _ in _walk(layout.volumes, 0) if not volume.inner]
    asked = [] if whole_because else [volume for volume in leaves if _is_mappable(volume)]
    answers = _ask(path, asked, runner)
    free: list[Extent] = []
    told: list[VolumeMap] = []
    for volume, depth in _walk(layout.volumes, 0):
        answer = answers.get(volume.name, whole_because or volume.content.whole_because or _why_not(volume))
        unused: Extents = ()
        if not isinstance(answer, str):
            unused = translate(answer, volume.segments)
        elif not whole_because:
            # Inside a volume manager's edges nothing is given up, either.
            size = volume.size_bytes
            inside = translate((Extent(_EDGE, size - 2 * _EDGE),), volume.segments) if size > 2 * _EDGE else ()
            unused = intersect(normal(volume.free), inside)
        free += unused
        because = answer if isinstance(answer, str) and not volume.inner else ""
        told.append(VolumeMap(volume.name, volume.content, volume.size_bytes, 0, because, depth))
    whole = (Extent(0, layout.size_bytes),) if layout.size_bytes else ()
    exact = subtract(whole, normal(free))
    used = coalesce(round_out(exact, _SECTOR, layout.size_bytes), _GAP)
    empty = normal(hole for hole in holes if hole.length >= _GAP)
    zeros, used = intersect(used, empty), subtract(used, empty)
    volumes = tuple(
        replace(item, copied_bytes=total(subtract(intersect(exact, normal(volume.segments)), empty)))
        for item, (volume, _) in zip(told, _walk(layout.volumes, 0), strict=True)
    )
    return DiskMap(BlockMap(layout.size_bytes, used), zeros, layout.table, volumes, layout.remarks)


def _walk(volumes: tuple[Volume, ...], depth: int) -> Iterator[tuple[Volume, int]]:
    for volume in volumes:
        yield volume, depth
        yield from _walk(volume.inner, depth + 1)


def _is_mappable(volume: Volume) -> bool:
    return not volume.content.whole_because and not _why_not(volume)


def _why_not(volume: Volume) -> str:
    if volume.content.kind is Kind.SWAP or volume.content.kind in PROGRAMS:
        if len(volume.segments) > MAX_SEGMENTS:
            return f"it is spread over {len(volume.segments)} pieces of the disk"
        if any(extent.start % 512 or extent.length % 512 for extent in volume.segments):
            return "it does not begin or end with a sector"
        return ""
    return "" if volume.content.kind in (Kind.LVM, Kind.MD) else "no map of it is known"


def _ask(path: str, volumes: list[Volume], runner: Runner) -> dict[str, Extents | str]:
    """For each volume, by name: the runs of it that are free, or why it is copied whole."""
    shown = {volume.name: volume.segments for volume in volumes if volume.content.kind is not Kind.SWAP}
    try:
        with views(path, shown, runner) as paths, ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(pool.map(lambda volume: (volume.name, _ask_one(volume, paths.get(volume.name), runner)), volumes))
    except ViewError as error:
        return {volume.name: error.message for volume in volumes}


def _ask_one(volume: Volume, view: Path | None, runner: Runner) -> Extents | str:
    size = volume.size_bytes
    if volume.content.kind is Kind.SWAP:
        used: Extents = (Extent(0, volume.content.used_bytes or size),)
        reach = volume.content.size_bytes or size
    else:
        assert view is not None
        why = xfs_log.unclean(view, runner) if volume.content.kind is Kind.XFS else ""
        if why:
            return why
        try:
            used, reach = domain_map(view, volume.content, size, runner)
        except MapError as error:
            return error.message
    edges = normal([Extent(0, min(_EDGE, size)), Extent(max(size - _EDGE, 0), min(_EDGE, size)), Extent(reach, size - reach)])
    return complement(union(used, edges), size)
