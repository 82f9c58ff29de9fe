"""The blocks in use of ext2, ext3 and ext4, from their own bitmaps (kernel documentation, filesystems/ext4: "Block Group
Descriptors", "Bitmaps").

partclone goes through a disk block by block, used or not: for a large one, that takes longer than copying it does.
Every group's count of free blocks must agree with its bitmap; if one does not, nothing of it is believed.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ..types import Extent, Extents, Reader
from .extents import normal, total
from .partclone import MapError

_META_BG, _64BIT, _SPARSE_SUPER, _SPARSE_SUPER2 = 0x10, 0x80, 0x1, 0x200
_BLOCK_UNINIT = 0x2
_READ_BYTES = 1 << 16  # the bitmaps of sixteen groups
_RUNS = re.compile(rb"\x00+|\xff+|[^\x00\xff]+")


@dataclass(frozen=True)
class _Shape:
    """What of the superblock tells where things are, in blocks."""

    block_bytes: int
    blocks: int
    free: int
    first: int
    per_group: int
    table_blocks: int  # of one group's inode table
    descriptor_bytes: int
    reserved: int  # blocks behind each copy of the descriptors
    meta_group: int | None  # from which one on descriptors are spread
    sparse: bool
    backups: tuple[int, int] | None  # the only two of sparse_super2
    lazy: bool  # whether groups may be without a bitmap

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return -(-(self.blocks - self.first) // self.per_group)

    @property
    def per_block(self) -> int:
        """Descriptors in a block."""
        return self.block_bytes // self.descriptor_bytes


def ext_map(volume: Reader) -> tuple[Extents, int]:
    """What is in use, and how far the file system reaches. Raises MapError, OSError."""
    try:
        shape = _shape(volume)
        used = normal(_used(volume, shape))
    except struct.error as error:
        raise MapError(f"its superblock is damaged ({error})") from None
    reach = shape.blocks * shape.block_bytes
    if total(used) != reach - shape.free * shape.block_bytes:
        raise MapError("its superblock counts other blocks than its bitmaps")
    return used, reach


def _shape(volume: Reader) -> _Shape:
    block = volume.read(1024, 1024)
    inodes, blocks, _, free = struct.unpack_from("<IIII", block)
    first, log = struct.unpack_from("<II", block, 20)
    per_group, _, inodes_per_group = struct.unpack_from("<III", block, 32)
    inode_bytes = struct.unpack_from("<H", block, 88)[0] or 128
    compatible, incompatible, read_only = struct.unpack_from("<III", block, 92)
    if log > 6 or not inodes or not per_group or not inodes_per_group:
        raise MapError("its superblock is damaged")
    block_bytes, descriptor_bytes = 1024 << log, 32
    if incompatible & _64BIT:
        descriptor_bytes = struct.unpack_from("<H", block, 254)[0]
        blocks |= struct.unpack_from("<I", block, 0x150)[0] << 32
        free |= struct.unpack_from("<I", block, 0x158)[0] << 32
    if (
        not 32 <= descriptor_bytes <= 1024
        or per_group > block_bytes * 8
        or blocks * block_bytes > volume.size_bytes
        or blocks <= first
    ):
        raise MapError("its superblock contradicts itself")
    return _Shape(
        block_bytes,
        blocks,
        free,
        first,
        per_group,
        -(-inodes_per_group * inode_bytes // block_bytes),
        descriptor_bytes,
        struct.unpack_from("<H", block, 206)[0] if compatible & 0x10 else 0,
        struct.unpack_from("<I", block, 260)[0] if incompatible & _META_BG else None,
        bool(read_only & _SPARSE_SUPER),
        struct.unpack_from("<II", block, 588) if compatible & _SPARSE_SUPER2 else None,
        bool(read_only & 0x410),  # uninit_bg, metadata_csum
    )


def _used(volume: Reader, shape: _Shape) -> Iterator[Extent]:
    size = shape.block_bytes
    if shape.first:
        yield Extent(0, shape.first * size)  # with blocks of 1 KiB, the boot block is nobody's
    records = _records(_tables(volume, shape), shape)
    lacking: list[int] = []
    bitmaps: dict[int, tuple[int, int]] = {}
    # Those of a group without a bitmap may lie in another group, and those of others in it. With flex_bg they lie in rows.
    rows = _Rows(1), _Rows(1), _Rows(shape.table_blocks)
    for group, (bitmap, inode_bitmap, table, free, flags) in enumerate(records):
        if max(bitmap, inode_bitmap, table + shape.table_blocks - 1) >= shape.blocks:
            raise MapError(f"group {group} lies beyond its end")
        if shape.lazy and flags & _BLOCK_UNINIT:
            lacking.append(group)
        else:
            bitmaps[group] = (bitmap, free)
        rows[0].add(bitmap)
        rows[1].add(inode_bitmap)
        rows[2].add(table)
    for row in rows:
        yield from (Extent(first * size, (end - first) * size) for first, end in row.done())
    backups = _backups(shape)
    for group in lacking:
        taken = _at_its_beginning(shape, group, backups)
        if taken:
            yield Extent((shape.first + group * shape.per_group) * size, taken * size)
    yield from _by_bitmaps(volume, shape, bitmaps)


class _Rows:
    """Runs of blocks, gathered from pieces of one length that often follow each other."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._first = self._end = -1
        self._found: list[tuple[int, int]] = []

    def add(self, first: int) -> None:
        """Another piece."""
        if first != self._end:
            self._close()
            self._first = first
        self._end = first + self._length

    def done(self) -> list[tuple[int, int]]:
        """First block and end of each run."""
        self._close()
        return self._found

    def _close(self) -> None:
        if self._first >= 0:
            self._found.append((self._first, self._end))


def _records(tables: bytes, shape: _Shape) -> Iterator[tuple[int, int, int, int, int]]:
    """For each group the places of its bitmap, its inodes' bitmap and their table, its free blocks, its flags."""
    step = shape.descriptor_bytes
    if len(tables) < shape.groups * step:
        raise MapError("its descriptors cannot be read")
    whole = memoryview(tables)[: shape.groups * step]
    if step < 64:
        yield from ((*places, free, flags) for *places, free, flags in struct.iter_unpack(f"<IIIH4xH{step - 20}x", whole))
        return
    for low in struct.iter_unpack(f"<IIIH4xH12xIIIH{step - 46}x", whole):
        bitmap, inode_bitmap, table, free, flags, *high, more = low
        yield bitmap | high[0] << 32, inode_bitmap | high[1] << 32, table | high[2] << 32, free | more << 16, flags


def _tables(volume: Reader, shape: _Shape) -> bytes:
    """All descriptors: behind the superblock, but for those that are spread over groups of groups."""
    size = shape.block_bytes
    count = -(-shape.groups // shape.per_block)
    together = count if shape.meta_group is None else min(shape.meta_group, count)
    backups = _backups(shape)
    found = [volume.read((shape.first + 1) * size, together * size)]
    for number in range(together, count):
        group = number * shape.per_block
        place = shape.first + group * shape.per_group + (group in backups)
        found.append(volume.read(place * size, size))
    return b"".join(found)


def _backups(shape: _Shape) -> frozenset[int]:
    """The groups that begin with a superblock."""
    if shape.backups is not None:
        return frozenset({0, *shape.backups})
    if not shape.sparse:
        return frozenset(range(shape.groups))
    powers = {0, 1}
    for base in (3, 5, 7):
        power = base
        while power < shape.groups:
            powers.add(power)
            power *= base
    return frozenset(powers)


def _at_its_beginning(shape: _Shape, group: int, backups: frozenset[int]) -> int:
    """Blocks that a group without a bitmap has in use for copies of the superblock and of descriptors."""
    has = int(group in backups)
    count = -(-shape.groups // shape.per_block)
    if shape.meta_group is None or group < shape.meta_group * shape.per_block:
        together = count if shape.meta_group is None else min(shape.meta_group, count)
        return has * (1 + together + shape.reserved)
    within = group % shape.per_block
    return has + int(within in (0, 1, shape.per_block - 1))


def _by_bitmaps(volume: Reader, shape: _Shape, bitmaps: dict[int, tuple[int, int]]) -> Iterator[Extent]:
    size = shape.block_bytes
    begin, cached = 0, b""
    for group, (place, free) in bitmaps.items():
        # With flex_bg the bitmaps of many groups lie side by side.
        if not begin <= place * size < begin + len(cached):
            begin, cached = place * size, volume.read(place * size, _READ_BYTES)
        count = min(shape.per_group, shape.blocks - shape.first - group * shape.per_group)
        bits = cached[place * size - begin : place * size - begin + -(-count // 8)]
        if len(bits) * 8 < count:
            raise MapError(f"the bitmap of group {group} cannot be read")
        if count % 8:
            bits = bits[:-1] + bytes([bits[-1] & ((1 << count % 8) - 1)])
        taken = int.from_bytes(bits, "little").bit_count()
        if count - taken != free:
            raise MapError(f"the bitmap of group {group} has {count - taken} free blocks instead of {free}")
        base = shape.first + group * shape.per_group
        for first, length in _runs(bits):
            yield Extent((base + first) * size, length * size)


def _runs(bits: bytes) -> Iterator[tuple[int, int]]:
    """Runs of ones, the lowest bit first."""
    for match in _RUNS.finditer(bits):
        part, start = match[0], match.start() * 8
        if part[0] == 0xFF:
            yield start, len(part) * 8
        elif part[0]:
            for index, byte in enumerate(part):
                yield from ((start + index * 8 + first, length) for first, length in _runs_of(byte))


@cache
def _runs_of(byte: int) -> tuple[tuple[int, int], ...]:
    found, place = [], 0
    while byte:
        gap = (byte & -byte).bit_length() - 1
        byte >>= gap
        length = (~byte & (byte + 1)).bit_length() - 1
        found.append((place + gap, length))
        place, byte = place + gap + length, byte >> length
    return tuple(found)
