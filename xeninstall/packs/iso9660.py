"""ISO 9660 (ECMA-119) read without a mount, for kernels that lack it: Rock Ridge names (IEEE P1282) or Joliet's, plain files."""

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import PackError
from .tree import Tree

SECTOR_BYTES = 2048
_DESCRIPTORS_AT = 16
_PRIMARY, _SUPPLEMENTARY, _LAST = 1, 2, 255
_JOLIET = (b"%/@", b"%/C", b"%/E")
_DEPTH_MAXIMUM = 12
_DIRECTORY_MAXIMUM_BYTES = 16 * 2**20
_DAMAGED = "copy or burn it again"


@dataclass(frozen=True)
class Entry:
    """A file or directory: its name, where its bytes begin and how many they are, its mode as stat(2) has it."""

    name: str
    start_byte: int
    size_bytes: int
    mode: int


class Iso:
    """An open image or drive."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._joliet = False
        self.root = self._find_root()

    def entries(self, folder: Entry) -> Iterator[Entry]:
        """What is in a directory. Raises PackError where the structures make no sense."""
        if folder.size_bytes > _DIRECTORY_MAXIMUM_BYTES:
            raise PackError("a directory of the ISO image is larger than any can be", hint=_DAMAGED)
        data = self.bytes_at(folder.start_byte, folder.size_bytes)
        at = 0
        while at < len(data):
            length = data[at]
            if length == 0:  # the rest of this sector is empty (6.8.1.1)
                at = (at // SECTOR_BYTES + 1) * SECTOR_BYTES
                continue
            record = data[at : at + length]
            at += length
            if len(record) < 34 or len(record) < 33 + record[32]:
                raise PackError("a directory of the ISO image is damaged", hint=_DAMAGED)
            if record[33 : 33 + record[32]] not in (b"\0", b"\1"):  # itself and the one above
                yield self._entry(record)

    def bytes_at(self, start_byte: int, size_bytes: int) -> bytes:
        """Raises PackError where the image ends before."""
        self._file.seek(start_byte)
        data = self._file.read(size_bytes)
        if len(data) != size_bytes:
            raise PackError("the ISO image ends too early", hint=_DAMAGED)
        return data

    def _find_root(self) -> Entry:
        primary = joliet = None
        for number in range(_DESCRIPTORS_AT, _DESCRIPTORS_AT + 32):
            block = self.bytes_at(number * SECTOR_BYTES, SECTOR_BYTES)
            if block[1:6] != b"CD001":
                raise PackError("this is no ISO 9660 image", hint=_DAMAGED)
            if block[0] == _PRIMARY:
                primary = block[156:190]
            elif block[0] == _SUPPLEMENTARY and block[88:91] in _JOLIET:
                joliet = block[156:190]
            elif block[0] == _LAST:
                break
        if primary is None:
            raise PackError("the ISO image has no primary volume", hint=_DAMAGED)
        root = self._entry(primary)
        # Rock Ridge says so in the first record of the root, by SUSP's SP entry.
        has_rock_ridge = b"SP\x07\x01\xbe\xef" in self.bytes_at(root.start_byte, SECTOR_BYTES)[: 2 * 255]
        if joliet is not None and not has_rock_ridge:
            self._joliet = True
            return self._entry(joliet)
        return root

    def _entry(self, record: bytes) -> Entry:
        start, size = struct.unpack_from("<I4xI", record, 2)
        is_directory = bool(record[25] & 2)
        raw = record[33 : 33 + record[32]]
        if self._joliet:
            name = raw.decode("utf-16-be", "replace").partition(";")[0]
        else:
            name = raw.decode("ascii", "replace").partition(";")[0].rstrip(".").lower()
        mode = stat.S_IFDIR | 0o755 if is_directory else stat.S_IFREG | 0o644
        long_name = b""
        area = record[33 + record[32] + (1 - record[32] % 2) :]
        for sign, body in self._system_use(area):
            if sign == b"NM":
                long_name += body[1:]
            elif sign == b"PX":
                mode = struct.unpack_from("<I", body)[0] & 0xFFFF
        if long_name and not self._joliet:
            name = long_name.decode("utf-8", "surrogateescape")
        return Entry(name, start * SECTOR_BYTES, size, mode)

    def _system_use(self, area: bytes, depth: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """SUSP entries (IEEE P1281): two letters and what follows length and version; CE leads to more of them."""
        while len(area) >= 4 and area[2] >= 4:
            sign, body = area[:2], area[4 : area[2]]
            if sign == b"CE" and len(body) >= 24 and depth < 8:
                block, offset, length = struct.unpack_from("<I4xI4xI", body)
                yield from self._system_use(self.bytes_at(block * SECTOR_BYTES + offset, min(length, SECTOR_BYTES)), depth + 1)
            elif len(body) >= (4 if sign == b"PX" else 0):
                yield sign, body
            area = area[area[2] :]


def read_iso(path: Path, tree: Tree, folder: str, only: frozenset[str] | None) -> None:
    """Copy a directory of the image into the tree; with `only`, just these names at its top."""
    with path.open("rb") as file:
        iso = Iso(file)
        at = iso.root
        for part in filter(None, folder.split("/")):
            at = _find(iso, at, part)
        for entry in iso.entries(at):
            if only is None or entry.name in only:
                _copy(iso, entry, entry.name, tree, 1)


def names(path: Path, folder: str = "") -> list[tuple[str, bool]]:
    """Names at the top of a directory of the image, and whether each is a directory; none where it is not there."""
    with path.open("rb") as file:
        iso = Iso(file)
        at = iso.root
        for part in filter(None, folder.split("/")):
            found = [entry for entry in iso.entries(at) if entry.name == part and stat.S_ISDIR(entry.mode)]
            if not found:
                return []
            at = found[0]
        return [(entry.name, stat.S_ISDIR(entry.mode)) for entry in iso.entries(at)]


def _find(iso: Iso, folder: Entry, name: str) -> Entry:
    found = [entry for entry in iso.entries(folder) if entry.name == name and stat.S_ISDIR(entry.mode)]
    if not found:
        raise PackError(f"the ISO image has no directory {name}", hint="look at what it holds")
    return found[0]


def _copy(iso: Iso, entry: Entry, name: str, tree: Tree, depth: int) -> None:
    if stat.S_ISDIR(entry.mode):
        if depth > _DEPTH_MAXIMUM:
            raise PackError("the directories of the ISO image go round in a circle, or too deep", hint=_DAMAGED)
        tree.directory(name)
        for inner in iso.entries(entry):
            _copy(iso, inner, f"{name}/{inner.name}", tree, depth + 1)
        return
    done = 0

    def read(size: int) -> bytes:
        nonlocal done
        part = min(size, entry.size_bytes - done)
        data = iso.bytes_at(entry.start_byte + done, part) if part else b""
        done += len(data)
        return data

    tree.add(name, entry.mode, read)
