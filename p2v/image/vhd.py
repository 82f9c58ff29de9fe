"""VHD, dynamic ("Virtual Hard Disk Image Format Specification" 1.0) as Xen likes it: creator `tap`, sizes of whole blocks."""

import struct
from collections.abc import Iterator

from xeninstall.base.sizes import GIB, MIB

from ..types import Hole, Literal, Piece
from .model import Disk, FormatError, Identity
from .pieces import disk_bytes, on_grid, rounded_up

BLOCK = 2 * MIB
MAX_BYTES = 2040 * GIB
_BITMAP = b"\xff" * 512  # every sector of a block is there; 4096 bits for 4096 sectors
_EPOCH = 946684800  # the format counts seconds since 2000
_FREE = b"\xff\xff\xff\xff"


class Vhd:
    """The exact length is known beforehand. Raises FormatError for a disk beyond the format's limit."""

    def __init__(self, disk: Disk, identity: Identity) -> None:
        self._map, self._identity = disk.block_map, identity
        self._size = rounded_up(self._map.size_bytes, BLOCK)
        if self._size > MAX_BYTES:
            raise FormatError(
                f"VHD holds at most 2040 GiB, and {disk.name} has {self._map.size_bytes / GIB:.0f} GiB",
                hint="choose a format that holds it: qcow2, vhdx, raw, vmdk, ova or xva",
            )
        self._blocks = [
            number
            for run in on_grid(self._map, BLOCK)
            for number in range(run.start // BLOCK, rounded_up(run.end, BLOCK) // BLOCK)
        ]
        self._table_bytes = rounded_up(self._size // BLOCK * 4, 512)

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        return 1536 + self._table_bytes + len(self._blocks) * (512 + BLOCK) + 512

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        footer = self._footer()
        yield Literal(footer + self._header() + self._table())
        used = iter(self._map.used)
        run = next(used, None)
        for number in self._blocks:
            yield Literal(_BITMAP)
            place, end = number * BLOCK, (number + 1) * BLOCK
            while run is not None and run.start < end:
                first, last = max(run.start, place), min(run.end, end)
                if first > place:
                    yield Hole(first - place)
                yield from disk_bytes(0, first, last - first, self._map.size_bytes)
                place = last
                if run.end > end:
                    break
                run = next(used, None)
            if place < end:
                yield Hole(end - place)
        yield Literal(footer)

    def _footer(self) -> bytes:
        seconds = max(self._identity.time - _EPOCH, 0) & 0xFFFFFFFF
        body = struct.pack(
            ">8sIIQI4sIIQQ4sI4x16s",
            b"conectix", 2, 0x10000, 512, seconds, b"tap\0", 0x10003, 0, self._size, self._size, geometry(self._size), 3,
            self._identity.uuid("vhd").bytes,
        )  # fmt: skip
        return _checked(body.ljust(512, b"\0"), 64)

    def _header(self) -> bytes:
        body = struct.pack(">8sQQIII", b"cxsparse", 0xFFFFFFFFFFFFFFFF, 1536, 0x10000, self._size // BLOCK, BLOCK)
        return _checked(body.ljust(1024, b"\0"), 36)

    def _table(self) -> bytes:
        table = bytearray(_FREE * (self._table_bytes // 4))
        sector = (1536 + self._table_bytes) // 512
        for number in self._blocks:
            struct.pack_into(">I", table, number * 4, sector)
            sector += 1 + BLOCK // 512
        return bytes(table)


def geometry(size_bytes: int) -> bytes:
    """Cylinders, heads and sectors by the algorithm in the specification's appendix; nothing modern reads them."""
    sectors = min(size_bytes // 512, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        per_track, heads = 255, 16
        across = sectors // per_track
    else:
        per_track = 17
        across = sectors // per_track
        heads = max((across + 1023) // 1024, 4)
        for wider in (31, 63):
            if across >= heads * 1024 or heads > 16:
                per_track, heads = wider, 16
                across = sectors // per_track
    return struct.pack(">HBB", across // heads, heads, per_track)


def _checked(block: bytes, place: int) -> bytes:
    total = ~sum(block) & 0xFFFFFFFF
    return block[:place] + struct.pack(">I", total) + block[place + 4 :]
