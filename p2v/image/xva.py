"""XVA (xen-api: ocaml/xapi/stream_vdi.ml, import.ml): a tar of `ova.xml` and the disks in chunks of a MiB with their checksums.

The first and the last chunk of a disk are always there; others only where the map says so. XAPI takes the disks in the order of
their references as text, so these are padded with zeros.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import xxhash

from xeninstall.base.sizes import MIB

from ..types import Coded, Piece
from ..vm.model import VirtualMachine
from ..vm.xva import Vdi, ova_xml
from . import tar
from .model import Disk, Identity
from .pieces import on_grid, rounded_up

CHUNK = MIB
_SIZE_UNIT = 2 * MIB  # what the storage manager rounds to


class Xva:
    """The exact length is known beforehand. `checksum` is `xxhash` or, for hosts before 2021, `sha1`."""

    def __init__(self, disks: Sequence[Disk], vm: VirtualMachine, identity: Identity, *, checksum: str = "xxhash") -> None:
        self._disks, self._time = disks, identity.time
        self._suffix, self._digest = _CHECKSUMS[checksum]
        vdis = [
            Vdi(f"Ref:{10 + number:04d}", disk.name, rounded_up(max(disk.block_map.size_bytes, 1), _SIZE_UNIT))
            for number, disk in enumerate(disks)
        ]
        self._vdis = vdis
        self._xml = ova_xml(vdis, vm, identity)

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        record = self._record_bytes()
        chunks = sum(sum(1 for _ in self._chunks(number)) for number in range(len(self._disks)))
        return len(tar.member("ova.xml", self._xml, self._time).data) + chunks * record + len(tar.END.data)

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        yield tar.member("ova.xml", self._xml, self._time)
        record = self._record_bytes()
        for number, (disk, vdi) in enumerate(zip(self._disks, self._vdis, strict=True)):
            for chunk in self._chunks(number):
                start = chunk * CHUNK
                there = max(min(CHUNK, disk.block_map.size_bytes - start), 0)
                code = partial(_record, f"{vdi.ref}/{chunk:08d}", self._suffix, self._digest, self._time)
                yield Coded(number, min(start, disk.block_map.size_bytes), there, code, record)
        yield tar.END

    def _record_bytes(self) -> int:
        return len(_record("Ref:0000/00000000", self._suffix, self._digest, self._time, memoryview(b"")))

    def _chunks(self, number: int) -> Iterator[int]:
        last = self._vdis[number].size_bytes // CHUNK - 1
        mapped = 0
        if not any(True for _ in self._mapped(number, 0, 1)):
            yield 0
        for chunk in self._mapped(number, 0, last + 1):
            mapped = chunk
            yield chunk
        if mapped != last:
            yield last

    def _mapped(self, number: int, first: int, end: int) -> Iterator[int]:
        for run in on_grid(self._disks[number].block_map, CHUNK):
            yield from range(max(run.start // CHUNK, first), min(run.end // CHUNK, end))


def _record(name: str, suffix: str, digest: Callable[[bytes], bytes], time: int, data: memoryview) -> bytes:
    chunk = bytes(data).ljust(CHUNK, b"\0")
    checksum = tar.member(f"{name}.{suffix}", digest(chunk), time).data
    return tar.header(name, CHUNK, time) + chunk + checksum


_CHECKSUMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "xxhash": ("xxhash", lambda chunk: xxhash.xxh64(chunk).hexdigest().upper().encode()),
    "sha1": ("checksum", lambda chunk: hashlib.sha1(chunk).hexdigest().encode()),
}
