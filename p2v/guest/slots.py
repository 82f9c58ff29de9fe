"""The volumes of all disks in a flat list, each by every name that a guest may have for it."""

import re
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..layout.joined import Joined
from ..layout.model import Kind, Layout, Volume
from ..types import Extent, Reader
from .model import Hardware, Named

_PARTITION = re.compile(r"partition (\d+)( data)*")
# What a guest's /etc/fstab calls it, where that is not the layout's word.
MOUNTABLE = (Kind.EXT, Kind.XFS, Kind.BTRFS)


@dataclass(frozen=True)
class Slot:
    """One volume: its names, and its runs of which disks."""

    volume: Volume
    named: Named
    places: tuple[tuple[int, Extent], ...]

    @property
    def title(self) -> str:
        """For messages: `vg0/root` or `disk 1, partition 2`."""
        return self.volume.name if self.named.logical else f"disk {self.named.disk + 1}, {self.volume.name}"

    @property
    def kind(self) -> Kind:
        """What it holds."""
        return self.volume.content.kind


def slots(joined: Joined, layouts: Sequence[Layout], disks: Sequence[Reader]) -> list[Slot]:
    """Every volume, those inside of others after these; a mirror's second half is left out, since it holds the same."""
    found: list[Slot] = []
    mirrors: set[str] = set()
    for number, (layout, disk) in enumerate(zip(layouts, disks, strict=True)):
        partuuids = _partuuids(disk, layout.table)
        for volume in layout.volumes:
            found += _flat(joined, number, volume, partuuids, mirrors)
    return found


def hardware(found: Sequence[Slot], disks: int) -> Hardware:
    """What repairs are told of the disks."""
    arrays: dict[str, int] = {}
    for slot in found:
        if slot.kind is Kind.MD and not slot.volume.content.whole_because:
            arrays[slot.volume.content.uuid] = arrays.get(slot.volume.content.uuid, 0) + 1
    degraded = {slot.volume.content.title for slot in found if slot.kind is Kind.MD and arrays.get(slot.volume.content.uuid) == 1}
    return Hardware(tuple(slot.named for slot in found), (), disks, tuple(sorted(degraded)))


def _flat(joined: Joined, disk: int, volume: Volume, partuuids: dict[int, str], mirrors: set[str]) -> Iterator[Slot]:
    match = _PARTITION.fullmatch(volume.name)
    number = int(match[1]) if match and not match[2] else 0
    group, _, logical = volume.name.partition("/") if volume.role == "logical volume" else ("", "", "")
    content = volume.content
    named = Named(disk, content.kind, number, content.uuid, content.label, partuuids.get(number, ""), group, logical)
    yield Slot(volume, named, tuple(joined.local(segment) for segment in volume.segments))
    if content.kind is Kind.MD:
        if content.uuid in mirrors:
            return
        mirrors.add(content.uuid)
    for inner in volume.inner:
        yield from _flat(joined, disk, inner, partuuids, mirrors)


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
