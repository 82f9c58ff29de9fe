"""A disk's layout: its table, its partitions, what they hold, the volumes inside. Never fails: it names what is odd."""

from collections.abc import Sequence
from dataclasses import replace

from ..types import Extent, Reader
from . import groups
from .gpt import read_gpt
from .identify import identify
from .joined import Joined
from .lvm import read_pv
from .mbr import Mbr, read_mbr
from .md import read_md
from .model import Content, Damaged, Kind, Layout, Volume
from .other import recognise as recognise_other
from .segments import SegmentReader, carve


def read_layout(disk: Reader) -> Layout:
    """The layout. Where the table is damaged there are no volumes, so that the disk is copied whole; a remark says why."""
    return read_layouts(Joined([disk]), [disk])[0]


def read_layouts(joined: Joined, disks: Sequence[Reader]) -> tuple[Layout, ...]:
    """The layouts of disks that may share volume groups. The places of their volumes are those of `joined`."""
    layouts = [_moved(_partitions(disk), joined, number) for number, disk in enumerate(disks)]
    resolved = groups.resolve(joined, [layout.volumes for layout in layouts])
    return tuple(
        replace(layout, volumes=volumes, remarks=layout.remarks + remarks)
        for layout, (volumes, remarks) in zip(layouts, resolved, strict=True)
    )


def _partitions(disk: Reader) -> Layout:
    size = disk.size_bytes
    try:
        raid = recognise_other(disk)
        if raid is not None and "RAID" in raid.title:
            return Layout("none", size, (_whole_disk(disk, raid),), (f"it is a member of {raid.title}; it is copied whole",))
        layout = _from_gpt(disk) or _from_mbr(disk)
    except OSError as error:
        remark = f"its partition table cannot be read ({error.strerror}); it is copied whole"
        return Layout("damaged", size, (), (remark,))
    except Damaged as problem:
        return Layout("damaged", size, (), (f"its partition table is damaged ({problem}); it is copied whole",))
    if layout is None:
        layout = Layout("none", size, (_volume(disk, "whole disk", Extent(0, size), ""),))
    return replace(layout, volumes=_apart(layout.volumes))


def _moved(layout: Layout, joined: Joined, number: int) -> Layout:
    def move(volume: Volume) -> Volume:
        segments = tuple(joined.moved(number, segment) for segment in volume.segments)
        return replace(volume, segments=segments, inner=tuple(map(move, volume.inner)))

    return replace(layout, volumes=tuple(map(move, layout.volumes)))


def _from_gpt(disk: Reader) -> Layout | None:
    gpt = read_gpt(disk)
    if gpt is None:
        return None
    remarks = list(gpt.remarks)
    mbr = read_mbr(disk, gpt.sector_bytes)
    if mbr is None:
        remarks.append("its protective MBR is missing")
    elif mbr.hybrid:
        remarks.append("its MBR is a hybrid: it names partitions of its own; the GPT is followed")
    elif not mbr.protective:
        remarks.append("its MBR is not a protective one: an older partition table may have been put over a newer one")
        return Layout("damaged", disk.size_bytes, (), (*remarks, "which one holds is not known; it is copied whole"))
    volumes = tuple(
        _volume(disk, f"partition {partition.number}", partition.extent, partition.role) for partition in gpt.partitions
    )
    return Layout("gpt", disk.size_bytes, volumes, tuple(remarks))


def _from_mbr(disk: Reader) -> Layout | None:
    mbr = read_mbr(disk)
    if mbr is None:
        return None
    if mbr.protective:
        raise Damaged("it announces a GPT, of which there is no trace")
    if not mbr.partitions:
        return None
    content = identify(disk)
    if _contradicts(content, mbr):
        remark = f"it holds a partition table and {content.title} at once; it is copied whole"
        return Layout("mbr", disk.size_bytes, (), (*mbr.remarks, remark))
    volumes = tuple(
        _volume(disk, f"partition {partition.number}", partition.extent, partition.role) for partition in mbr.partitions
    )
    return Layout("mbr", disk.size_bytes, volumes, mbr.remarks)


def _contradicts(content: Content, mbr: Mbr) -> bool:
    first = min(partition.extent.start for partition in mbr.partitions)
    return content.kind is not Kind.UNKNOWN and (content.size_bytes or first + 1) > first


def _volume(disk: Reader, name: str, extent: Extent, role: str) -> Volume:
    if extent.start >= disk.size_bytes or extent.end > disk.size_bytes or extent.length <= 0:
        end = max(min(extent.end, disk.size_bytes), 0)
        there = Extent(min(extent.start, end), max(end - extent.start, 0))
        why = "it reaches beyond the end of the disk"
        return Volume(name, (there,), Content(Kind.UNKNOWN, "unknown", whole_because=why), role)
    return read_volume(disk, name, (extent,), role)


def read_volume(disk: Reader, name: str, segments: tuple[Extent, ...], role: str = "") -> Volume:
    """A volume with what it holds; a RAID member and its data are looked into, physical volumes wait for their group."""
    try:
        return _recognised(disk, name, segments, role)
    except OSError as error:
        why = f"what would tell its content cannot be read ({error.strerror})"
        return Volume(name, segments, Content(Kind.UNKNOWN, "unknown", whole_because=why), role)


def _recognised(disk: Reader, name: str, segments: tuple[Extent, ...], role: str) -> Volume:
    reader = SegmentReader(disk, segments, name)
    member = read_md(reader)
    if member is not None:
        content = Content(Kind.MD, member.title, member.name, member.uuid, whole_because=member.whole_because)
        if member.whole_because:
            return Volume(name, segments, content, role)
        inner = carve(segments, member.data_offset, member.data_bytes)
        return Volume(name, segments, content, role, (read_volume(disk, f"{name} data", inner),))
    try:
        pv = read_pv(reader)
    except Damaged as problem:
        return Volume(name, segments, Content(Kind.LVM, "LVM", whole_because=str(problem)), role)
    if pv is not None:
        return Volume(name, segments, Content(Kind.LVM, "LVM", uuid=pv.uuid, size_bytes=pv.size_bytes), role)
    return Volume(name, segments, identify(reader), role)


def _whole_disk(disk: Reader, content: Content) -> Volume:
    return Volume("whole disk", (Extent(0, disk.size_bytes),), content)


def _apart(volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    """Volumes that overlap cannot both be right: each loses its map."""
    ordered = sorted(volumes, key=lambda volume: volume.segments[0].start)
    clashing: set[str] = set()
    reach, reaching = 0, ""
    for volume in ordered:
        extent = volume.segments[0]
        if extent.length and extent.start < reach:
            clashing |= {volume.name, reaching}
        if extent.end > reach:
            reach, reaching = extent.end, volume.name
    why = "it overlaps another partition"
    return tuple(
        replace(volume, content=replace(volume.content, whole_because=why), inner=()) if volume.name in clashing else volume
        for volume in ordered
    )
