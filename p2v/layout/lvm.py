"""LVM2 physical volumes and the volume group that they tell of (LVM2: lib/format_text/layout.h)."""

import struct
import zlib
from dataclasses import dataclass

from ..types import Extent, Reader
from .lvm_text import Value, parse
from .model import Damaged
from .segments import need

_INITIAL_CRC = 0xF597A6CF
_MAX_METADATA = 64 << 20


@dataclass(frozen=True)
class PhysicalVolume:
    """One physical volume and the text of its group; empty where it holds no metadata of its own."""

    uuid: str
    size_bytes: int
    metadata: str


@dataclass(frozen=True)
class Area:
    """A run of one physical volume that a segment lies on."""

    pv_uuid: str
    extent: Extent  # of the physical volume


@dataclass(frozen=True)
class LogicalVolume:
    """A volume and its areas in order; `whole_because` is set where its bytes cannot be read by following them."""

    name: str
    areas: tuple[Area, ...]
    whole_because: str


@dataclass(frozen=True)
class VolumeGroup:
    """A group; `data_areas` says for each physical volume, by UUID, where its extents are.

    `free_is_known` is unset where a segment of an unknown kind may lie on extents that no area tells of.
    """

    name: str
    uuid: str
    seqno: int
    data_areas: dict[str, Extent]
    volumes: tuple[LogicalVolume, ...]
    free_is_known: bool


def read_pv(volume: Reader) -> PhysicalVolume | None:
    """The physical volume's label and the text of its group, or None. Raises Damaged when its checksums are wrong."""
    for sector in range(4):
        label = volume.read(sector * 512, 512)
        if len(label) == 512 and label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            return _read_label(volume, label, sector)
    return None


def _crc(data: bytes) -> int:
    return zlib.crc32(data, _INITIAL_CRC ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def _read_label(volume: Reader, label: bytes, sector: int) -> PhysicalVolume:
    own, crc, offset = struct.unpack_from("<QII", label, 8)
    if own != sector or _crc(label[20:]) != crc or not 32 <= offset <= 400:
        raise Damaged("the LVM label's checksum or place is wrong")
    identity, size = struct.unpack_from("<32sQ", label, offset)
    lists: list[list[tuple[int, int]]] = [[], []]
    place = offset + 40
    for found in lists:
        while place + 16 <= 512:
            start, length = struct.unpack_from("<QQ", label, place)
            place += 16
            if start == 0:
                break
            found.append((start, length))
    text = identity.decode("ascii", "replace")
    return PhysicalVolume(text, size, _newest_metadata(volume, lists[1]))


def _newest_metadata(volume: Reader, areas: list[tuple[int, int]]) -> str:
    problem: Damaged | None = None
    for start, length in areas:
        try:
            text = _read_metadata(volume, start, length)
        except Damaged as damaged:
            problem = damaged
            continue
        if text:
            return text
    if problem is not None:
        raise problem
    return ""


def _read_metadata(volume: Reader, start: int, length: int) -> str:
    header = need(volume, start, 512)
    if header[4:20] != b" LVM2 x[5A%r0N*>" or _crc(header[4:]) != struct.unpack_from("<I", header)[0]:
        raise Damaged("the header of LVM's metadata is damaged")
    offset, size, crc = struct.unpack_from("<QQI", header, 40)
    if offset == 0 or size == 0:
        return ""
    if size > min(length, _MAX_METADATA) or offset > length:
        raise Damaged("LVM's metadata is said to be beyond its area")
    # The area is a ring behind its header.
    first = need(volume, start + offset, min(size, length - offset))
    data = first + (need(volume, start + 512, size - len(first)) if len(first) < size else b"")
    if _crc(data) != crc:
        raise Damaged("the checksum of LVM's metadata is wrong")
    return data.rstrip(b"\0").decode("utf-8", "replace")


def read_vg(text: str) -> VolumeGroup:
    """The group that a metadata text describes. Raises Damaged."""
    groups = [(name, value) for name, value in parse(text).items() if isinstance(value, dict)]
    if len(groups) != 1:
        raise Damaged(f"LVM's metadata tells of {len(groups)} volume groups")
    name, group = groups[0]
    extent_bytes = _number(group, "extent_size") * 512
    if not 0 < extent_bytes <= 1 << 40:
        raise Damaged("LVM's extents have no size")
    names: dict[str, str] = {}
    areas: dict[str, Extent] = {}
    for key, pv in _sections(group, "physical_volumes"):
        identity = str(pv.get("id", "")).replace("-", "")
        names[key] = identity
        areas[identity] = Extent(_number(pv, "pe_start") * 512, _number(pv, "pe_count") * extent_bytes)
    sections = _sections(group, "logical_volumes")
    below = {word for _, lv in sections for segment in _segments(lv) if not _is_striped(segment) for word in _words(segment)}
    volumes, known = [], not below & set(names)
    for key, lv in sections:
        areas_of = _areas(key, _segments(lv), names, areas, extent_bytes)
        known = known and areas_of is not None
        volumes.append(LogicalVolume(key, tuple(areas_of or ()), _why_whole(key, lv, below, areas_of)))
    return VolumeGroup(name, str(group.get("id", "")), _number(group, "seqno"), areas, tuple(volumes), known)


def _why_whole(name: str, lv: dict[str, Value], below: set[str], areas: list[Area] | None) -> str:
    kinds = {str(segment.get("type", ""))[:40] for segment in _segments(lv) if not _is_striped(segment)}
    status = lv.get("status")
    if kinds:
        return f"it is of type {', '.join(sorted(kinds))}"
    if name in below:
        return "another volume builds upon it"
    if not isinstance(status, list) or "VISIBLE" not in status:
        return "it is a hidden part of another volume"
    if areas is None:
        return "it is striped over too many pieces"
    return "" if areas else "it has no segments"


def _areas(
    name: str, segments: list[dict[str, Value]], names: dict[str, str], areas: dict[str, Extent], extent_bytes: int
) -> list[Area] | None:
    found: list[Area] | None = []
    expected = 0
    for segment in segments:
        count = _number(segment, "extent_count")
        if _number(segment, "start_extent") != expected:
            raise Damaged(f"the segments of {name[:40]} do not follow each other")
        expected += count
        if _is_striped(segment):
            taken = _striped(segment, count, names, areas, extent_bytes)
            found = None if found is None or taken is None else found + taken
    return found


def _segments(lv: dict[str, Value]) -> list[dict[str, Value]]:
    segments = [segment for key, segment in lv.items() if key.startswith("segment") and isinstance(segment, dict)]
    return sorted(segments, key=lambda segment: _number(segment, "start_extent"))


def _is_striped(segment: dict[str, Value]) -> bool:
    return str(segment.get("type", "")).split("+")[0] == "striped"


def _words(segment: dict[str, Value]) -> list[str]:
    found: list[str] = []
    for key, value in segment.items():
        if key != "type":
            found += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
    return found


def _striped(
    segment: dict[str, Value], count: int, names: dict[str, str], areas: dict[str, Extent], extent_bytes: int
) -> list[Area] | None:
    stripes = segment.get("stripes")
    number = _number(segment, "stripe_count")
    if not isinstance(stripes, list) or len(stripes) != 2 * number or number == 0 or count % number:
        raise Damaged("the stripes of a segment are damaged")
    step = _number(segment, "stripe_size") * 512 if number > 1 else count * extent_bytes
    rows = count * extent_bytes // number // step if step else 0
    if rows == 0 or rows * step * number != count * extent_bytes:
        raise Damaged("the stripes of a segment do not fill it")
    if rows * number > 65536:
        return None
    found = []
    for row in range(rows):
        for place in range(number):
            key, first = stripes[2 * place], stripes[2 * place + 1]
            if not isinstance(key, str) or key not in names:
                raise Damaged(f"a segment lies on {str(key)[:40]}, which is not in its group")
            if not isinstance(first, int) or first < 0:
                raise Damaged("a segment lies nowhere")
            base = areas[names[key]]
            area = Extent(base.start + first * extent_bytes + row * step, step)
            if area.end > base.end:
                raise Damaged("a segment lies beyond its physical volume")
            found.append(Area(names[key], area))
    return found


def _sections(group: dict[str, Value], name: str) -> list[tuple[str, dict[str, Value]]]:
    section = group.get(name, {})
    return [(key, value) for key, value in section.items() if isinstance(value, dict)] if isinstance(section, dict) else []


def _number(section: dict[str, Value], key: str) -> int:
    value = section.get(key)
    if not isinstance(value, int) or value < 0:
        raise Damaged(f"LVM's metadata lacks {key}")
    return value
