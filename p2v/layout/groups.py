"""The volume groups of some disks: physical volumes together tell where each logical volume lies, and what is free."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ..types import Extent, Reader
from .identify import identify
from .joined import Joined
from .lvm import LogicalVolume, VolumeGroup, read_pv, read_vg
from .model import Content, Damaged, Kind, Volume
from .segments import SegmentReader, carve


@dataclass(frozen=True)
class _Member:
    volume: Volume
    metadata: str


_Members = Mapping[str, _Member]  # by the physical volume's UUID


def resolve(joined: Joined, disks: Sequence[tuple[Volume, ...]]) -> list[tuple[tuple[Volume, ...], tuple[str, ...]]]:
    """For each disk the same volumes, with logical volumes and free extents in their physical volumes, and remarks.

    A group that is whole on one disk is taken from it alone: copies of it on other disks are others. Only what a disk lacks
    is looked for on the rest.
    """
    remarks: list[list[str]] = [[] for _ in disks]
    changed: dict[int, Volume] = {}  # by the id of the volume that it replaces
    found = [list(_members(joined, volumes)) for volumes in disks]
    spread: dict[str, VolumeGroup] = {}
    for number, pairs in enumerate(found):
        members = dict(pairs)
        for group in _groups(members.values(), remarks[number]).values():
            if len(disks) == 1 or set(group.data_areas) <= set(members):
                changed |= _fill(joined, group, members, remarks[number])
            elif group.uuid not in spread or spread[group.uuid].seqno < group.seqno:
                spread[group.uuid] = group
    together = dict(pair for pairs in found for pair in pairs)
    for group in spread.values():
        touched = [number for number, pairs in enumerate(found) if any(identity in group.data_areas for identity, _ in pairs)]
        several = [identity for pairs in found for identity, _ in pairs if identity in group.data_areas]
        told: list[str] = []
        if len(several) > len(set(several)):
            told.append(f"volume group {group.name}: a physical volume of it is there twice; it is copied whole")
        else:
            changed |= _fill(joined, group, together, told)
        for number in touched:
            remarks[number] += told
    return [
        (tuple(_replaced(volume, changed) for volume in volumes), tuple(said))
        for volumes, said in zip(disks, remarks, strict=True)
    ]


def _groups(members: Iterable[_Member], remarks: list[str]) -> dict[str, VolumeGroup]:
    newest: dict[str, VolumeGroup] = {}
    for member in members:
        if not member.metadata:
            continue
        try:
            group = read_vg(member.metadata)
        except Damaged as problem:
            remarks.append(f"{member.volume.name}: {problem}; it is copied whole")
            continue
        if group.uuid not in newest or newest[group.uuid].seqno < group.seqno:
            newest[group.uuid] = group
    return newest


def _members(joined: Reader, volumes: tuple[Volume, ...]) -> Iterator[tuple[str, _Member]]:
    for volume in volumes:
        if volume.content.kind is Kind.LVM and not volume.content.whole_because:
            pv = None
            with suppress(OSError, Damaged):  # It was read before; a medium may fail at any time.
                pv = read_pv(SegmentReader(joined, volume.segments))
            if pv is not None:
                yield pv.uuid, _Member(volume, pv.metadata)
        yield from _members(joined, volume.inner)


def _fill(disk: Reader, group: VolumeGroup, members: _Members, remarks: list[str]) -> dict[int, Volume]:
    here = {identity: members[identity].volume for identity in group.data_areas if identity in members}
    if len(here) < len(group.data_areas):
        remarks.append(f"volume group {group.name} lies on other disks, too; its volumes that do are copied whole")
    inside: dict[str, list[Volume]] = {identity: [] for identity in here}
    taken: list[Extent] = []
    try:
        for lv in group.volumes:
            placed = tuple(
                part
                for area in lv.areas
                if area.pv_uuid in here
                for part in carve(here[area.pv_uuid].segments, area.extent.start, area.extent.length)
            )
            taken += placed
            home = next((area.pv_uuid for area in lv.areas if area.pv_uuid in here), None)
            if home is not None:
                inside[home].append(_logical(disk, group.name, lv, placed, here))
        free = {identity: _data_area(volume, group.data_areas[identity]) for identity, volume in here.items()}
    except Damaged as problem:
        remarks.append(f"volume group {group.name}: {problem}; it is copied whole")
        return {}
    if sum(extent.length for extent in taken) != _covered(taken):
        remarks.append(f"volume group {group.name}: volumes overlap; it is copied whole")
        return {}
    if not group.free_is_known:
        free = dict.fromkeys(here, ())
    return {
        id(volume): replace(volume, inner=tuple(inside[identity]), free=_without(free[identity], taken))
        for identity, volume in here.items()
    }


def _logical(disk: Reader, group: str, lv: LogicalVolume, placed: tuple[Extent, ...], here: dict[str, Volume]) -> Volume:
    name = f"{group}/{lv.name}"
    why = lv.whole_because
    try:
        content = identify(SegmentReader(disk, placed, name))
    except OSError as error:
        content = Content(Kind.UNKNOWN, "unknown")
        why = why or f"what would tell its content cannot be read ({error.strerror})"
    if any(area.pv_uuid not in here for area in lv.areas):
        why = why or "a part of it is on another disk"
    # Bytes of a hidden or spread volume may look like a file system without being one.
    return Volume(name, placed, replace(content, whole_because=why or content.whole_because), "logical volume")


def _data_area(volume: Volume, area: Extent) -> tuple[Extent, ...]:
    return carve(volume.segments, area.start, area.length) if area.length else ()


def _covered(extents: list[Extent]) -> int:
    reach = covered = 0
    for extent in sorted(extents):
        covered += max(0, extent.end - max(extent.start, reach))
        reach = max(reach, extent.end)
    return covered


def _without(area: tuple[Extent, ...], taken: list[Extent]) -> tuple[Extent, ...]:
    found: list[Extent] = []
    ordered = sorted(taken)
    for start, length in sorted(area):
        reach, end = start, start + length
        for extent in ordered:
            if extent.end <= reach or extent.start >= end:
                continue
            if extent.start > reach:
                found.append(Extent(reach, extent.start - reach))
            reach = max(reach, extent.end)
        if reach < end:
            found.append(Extent(reach, end - reach))
    return tuple(found)


def _replaced(volume: Volume, changed: dict[int, Volume]) -> Volume:
    if id(volume) in changed:
        return changed[id(volume)]
    return replace(volume, inner=tuple(_replaced(inner, changed) for inner in volume.inner))
