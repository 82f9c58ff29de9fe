"""The volumes of all disks in a flat list, each by every name that a guest may have for it."""

import re
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..layout.joined import Joined
from ..layout.md import read_md
from ..layout.model import Kind, Layout, Volume
from ..layout.segments import SegmentReader
from ..types import Extent, Reader
from .model import Hardware, Named

_PARTITION = re.compile(r"partition (\d+)( data)*")
# What a guest's /etc/fstab calls it, where that is not the layout's word.
MOUNTABLE = (Kind.EXT, Kind.XFS, Kind.BTRFS)


Place = tuple[int, Extent]  # a run of one of the disks, by its number


@dataclass(frozen=True)
class Slot:
    """One volume: its names, and its runs of which disks."""

    volume: Volume
    named: Named
    places: tuple[Place, ...]

    @property
    def title(self) -> str:
        """For messages: `vg0/root` or `disk 1, partition 2`."""
        return self.volume.name if self.named.logical else f"disk {self.named.disk + 1}, {self.volume.name}"

    @property
    def kind(self) -> Kind:
        """What it holds."""
        return self.volume.content.kind


def slots(joined: Joined, layouts: Sequence[Layout], disks: Sequence[Reader]) -> list[Slot]:
    """Every volume, those inside of others after these. Of a mirror only the half that has seen most is looked into."""
    found: list[Slot] = []
    leading = {identity: halves[0].volume for identity, halves in _halves(joined, layouts).items()}
    for number, (layout, disk) in enumerate(zip(layouts, disks, strict=True)):
        partuuids = _partuuids(disk, layout.table)
        for volume in layout.volumes:
            found += _flat(joined, number, volume, partuuids, leading)
    return found


def twins(joined: Joined, layouts: Sequence[Layout]) -> list[list[Place]]:
    """The data of mirrors that are there more than once and equal: what changes in the first has to change in the others."""
    found = []
    for halves in _halves(joined, layouts).values():
        # What has seen less is left out by the array itself, and made anew from the others.
        equal = [half for half in halves if half.events == halves[0].events]
        places = [[joined.local(run) for run in half.volume.inner[0].segments] for half in equal]
        if len(places) > 1 and all(len(runs) == 1 for runs in places):
            found.append([runs[0] for runs in places])
    return found


def hardware(found: Sequence[Slot], disks: int) -> Hardware:
    """What repairs are told of the disks."""
    arrays: dict[str, list[str]] = {}
    for slot in found:
        if slot.kind is Kind.MD and not slot.volume.content.whole_because:
            arrays.setdefault(slot.volume.content.uuid, []).append(slot.volume.content.label or slot.volume.content.title)
    degraded = {titles[0] for titles in arrays.values() if len(titles) == 1}
    return Hardware(tuple(slot.named for slot in found), (), disks, tuple(sorted(degraded)))


@dataclass(frozen=True)
class _Half:
    volume: Volume
    events: int


def _halves(joined: Joined, layouts: Sequence[Layout]) -> dict[str, list[_Half]]:
    """The members of each mirror by its UUID, the one that has seen most first."""
    found: dict[str, list[_Half]] = {}
    for volume in (volume for layout in layouts for volume in layout.volumes):
        if volume.content.kind is Kind.MD and volume.inner:
            member = read_md(SegmentReader(joined, volume.segments))
            found.setdefault(volume.content.uuid, []).append(_Half(volume, member.events if member is not None else 0))
    return {identity: sorted(halves, key=lambda half: -half.events) for identity, halves in found.items()}


def _flat(joined: Joined, disk: int, volume: Volume, partuuids: dict[int, str], leading: dict[str, Volume]) -> Iterator[Slot]:
    match = _PARTITION.fullmatch(volume.name)
    number = int(match[1]) if match and not match[2] else 0
    group, _, logical = volume.name.partition("/") if volume.role == "logical volume" else ("", "", "")
    content = volume.content
    named = Named(disk, content.kind, number, content.uuid, content.label, partuuids.get(number, ""), group, logical)
    yield Slot(volume, named, tuple(joined.local(segment) for segment in volume.segments))
    if content.kind is Kind.MD and leading.get(content.uuid) is not volume:
        return
    for inner in volume.inner:
        yield from _flat(joined, disk, inner, partuuids, leading)


def _partuuids(disk: Reader, table: str) -> dict[int, str]:
    """As the kernel calls partitions: the GPT entry's own GUID, or the MBR's signature with the number."""
    if table == "mbr":
        (signature,) = struct.unpack("<I", disk.read(440, 4))
        return {number: f"{signature:08x}-{number:02x}" for number in range(1, 64)} if signature else {}
    found: dict[int, str] = {}
    for sector in (512, 4096) if table == "gpt" else ():
        header = disk.read(sector, 92)
        if header[:8] != b"EFI PART":
            continue
        entries, count, length = struct.unpack_from("<72xQII", header)
        for index in range(min(count, 256)):
            entry = disk.read(entries * sector + index * length, 32)
            if len(entry) == 32 and any(entry[:16]):
                found[index + 1] = str(uuid.UUID(bytes_le=entry[16:32]))
        break
    return found
