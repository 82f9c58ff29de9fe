"""Btrfs on one device (its on-disk format, kernel: include/uapi/linux/btrfs_tree.h), read from its trees.

Its own tools want a mount for this, and mounting a copy of what the kernel knows by its UUID already may take the wrong one.
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

import zstandard

from ..types import Extent, Extents, Reader
from .model import TABLES, Found, Lost

_ROOT_TREE, _EXTENT_TREE, _FS_TREE, _FIRST_SUBVOLUME, _LAST_SUBVOLUME = 1, 2, 5, 256, (1 << 64) - 257
_INODE_ITEM, _INODE_REF, _DIR_ITEM, _DIR_INDEX, _EXTENT_DATA, _ROOT_ITEM, _ROOT_BACKREF = 1, 12, 84, 96, 108, 132, 144
_ROOT_DIRECTORY = 6  # an item of the root tree's own folder says which subvolume is the default one
_PARENT = slice(263, 279)  # of a root item: the UUID of what it is a snapshot of
_EXTENT_ITEM, _METADATA_ITEM, _DATA_REF, _SHARED_DATA_REF, _CHUNK_ITEM = 168, 169, 178, 184, 228
_REF_BYTES = {176: 8, 182: 8, _DATA_REF: 28, _SHARED_DATA_REF: 12}
ROOT_SUBVOLUMES = ("@", "@rootfs", "root", "@root")  # as installers call those of a system
_NO_CHECKSUM = 1  # of an inode's flags
_HEADER, _MOST = 101, (1 << 64) - 1
_MAX_NODES = 4096  # kept in memory
_MAX_SUBVOLUMES, _MAX_DEPTH = 256, 256
_MAX_UNPACKED = 1 << 20
_MAX_PAGES = 4096  # whose owners are looked for


class Key(NamedTuple):
    """What the items of a tree are ordered by."""

    objectid: int
    kind: int
    offset: int


class _Chunk(NamedTuple):
    start: int
    length: int
    stripes: tuple[int, ...]  # where its copies are


@dataclass(frozen=True)
class BtrfsSubvolume:
    """The files of one subvolume. Raises Lost."""

    find: Callable[[str], Found | None]


class BtrfsFiles:
    """One volume. Raises Lost."""

    def __init__(self, volume: Reader) -> None:
        self._volume = volume
        block = volume.read(0x10000, 0x1000)
        if len(block) < 0x1000:
            raise Lost("there is no superblock")
        root, chunk_root = struct.unpack_from("<QQ", block, 0x50)
        self.used_bytes: int = struct.unpack_from("<Q", block, 0x78)[0]  # what every copy counts once for
        self._node_bytes = struct.unpack_from("<I", block, 0x94)[0]
        if not 4096 <= self._node_bytes <= 65536:
            raise Lost("its superblock is damaged")
        self._nodes: dict[int, bytes] = {}
        self._left: int | None = None  # how many blocks a walk through a whole tree may still look at
        self._chunks: list[_Chunk] = []
        array = block[0x32B : 0x32B + min(struct.unpack_from("<I", block, 0xA0)[0], 2048)]
        self._learn(_bootstrap(array))
        self._learn(
            [
                (key, data)
                for key, data in self._items(chunk_root, Key(0, 0, 0), Key(_MOST, 255, _MOST))
                if key.kind == _CHUNK_ITEM
            ]
        )
        self._root = root
        self._trees, self._snapshots, self._default = dict[int, int](), set[int](), _FS_TREE
        for key, data in self._items(root, Key(0, 0, 0), Key(_MOST, 255, _MOST)):
            if key.kind == _ROOT_ITEM:
                self._trees[key.objectid] = struct.unpack_from("<Q", data, 176)[0]
                if any(data[_PARENT]):
                    self._snapshots.add(key.objectid)
            elif (key.objectid, key.kind) == (_ROOT_DIRECTORY, _DIR_ITEM):
                self._default = struct.unpack_from("<Q", data)[0]  # it has one entry, which is called `default`

    def allocated(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Every extent of data and block of a tree, by its logical address: where, how long, where its copies are; in bytes."""
        self._left = self.used_bytes // self._node_bytes + 64  # no tree has more blocks than are in use
        for key, _ in self._items(self._trees.get(_EXTENT_TREE, 0), Key(0, 0, 0), Key(_MOST, 255, _MOST)):
            if key.kind in (_EXTENT_ITEM, _METADATA_ITEM):
                length = key.offset if key.kind == _EXTENT_ITEM else self._node_bytes
                yield key.objectid, length, self._run(key.objectid, length)

    def find(self, path: str) -> Found | None:
        """See Files.find. Every subvolume is looked into, since any may be mounted as the root."""
        return next((found for number in self._subvolumes() if (found := self._found(number, path)) is not None), None)

    def apart(self) -> "list[tuple[str, BtrfsSubvolume]]":
        """Each subvolume by its path, empty for the top: the default one first, snapshots of others left out."""
        places = {number: self._place(number) for number in self._subvolumes()}
        # What an update was taken back to is a snapshot, too; it has the name of a root then, or is the default.
        wanted = [number for number in places if number not in self._snapshots or places[number] in ROOT_SUBVOLUMES]
        if self._default in places:
            wanted = [self._default, *(number for number in wanted if number != self._default)]
        return [(places[number], BtrfsSubvolume(partial(self._found, number))) for number in wanted]

    def _subvolumes(self) -> list[int]:
        numbers = (
            number for number in sorted(self._trees) if number == _FS_TREE or _FIRST_SUBVOLUME <= number <= _LAST_SUBVOLUME
        )
        return list(islice(numbers, _MAX_SUBVOLUMES))

    def _found(self, number: int, path: str) -> Found | None:
        inode = 256
        for name in (part for part in path.split("/") if part):
            inode = self._child(self._trees[number], inode, name.encode())
            if not inode:
                return None
        return self._file(self._trees[number], inode)

    def hit(self, places: Extents) -> Iterator[str]:
        """See Files.hit."""
        found: dict[str, None] = {}
        pages = (page for start, length in places for page in range(start // 4096 * 4096, start + length, 4096))
        for page in islice(pages, _MAX_PAGES):
            logical = self._logical(page)
            names = self._owners(logical) if logical is not None else []
            found |= dict.fromkeys(names or [TABLES])
        yield from found

    def _child(self, tree: int, inode: int, name: bytes) -> int:
        for _, data in self._items(tree, Key(inode, _DIR_INDEX, 0), Key(inode, _DIR_INDEX, _MOST)):
            objectid, kind = struct.unpack_from("<QB", data)
            size = struct.unpack_from("<H", data, 27)[0]
            if data[30 : 30 + size] == name and kind == _INODE_ITEM:
                return int(objectid)
        return 0

    def _file(self, tree: int, inode: int) -> Found | None:
        item = next((data for _, data in self._items(tree, Key(inode, _INODE_ITEM, 0), Key(inode, _INODE_ITEM, _MOST))), b"")
        if len(item) < 72 or struct.unpack_from("<I", item, 52)[0] & 0o170000 != 0o100000:
            return None
        size, flags = struct.unpack_from("<16xQ40xQ", item)
        runs, data = [], None
        for key, extent in self._items(tree, Key(inode, _EXTENT_DATA, 0), Key(inode, _EXTENT_DATA, _MOST)):
            packed, kind = extent[16], extent[20]
            if kind == 0 or packed:
                data = self._unpacked(extent, data or bytes(min(size, _MAX_UNPACKED)), key.offset)
            elif kind == 1:
                disk, _, inside, length = struct.unpack_from("<QQQQ", extent, 21)
                if disk:
                    runs += [(key.offset, Extent(place, length)) for place in self._places(disk + inside)[:1]]
        return Found(size, tuple(runs), data[:size] if data is not None else None, bare=bool(flags & _NO_CHECKSUM))

    def _unpacked(self, extent: bytes, data: bytes, offset: int) -> bytes:
        """The file's bytes so far with those of an extent that is not stored as it is."""
        ram, packed, kind = struct.unpack_from("<QB3xB", extent, 8)
        if kind == 0:
            raw, inside, length = extent[21:], 0, ram
        else:
            disk, stored, inside, length = struct.unpack_from("<QQQQ", extent, 21)
            places = self._places(disk)
            if not disk or not places or stored > _MAX_UNPACKED:
                return data
            raw = self._volume.read(places[0], stored)
        plain = _unpack(packed, raw, min(ram, _MAX_UNPACKED))[inside : inside + length]
        return data[:offset] + plain + data[offset + len(plain) :]

    def _owners(self, logical: int) -> list[str]:
        """Names of the files that an extent belongs to; empty where it holds a tree, or nothing."""
        first = Key(max(logical - (128 << 20), 0), 0, 0)  # an extent is not longer
        item = None
        for key, data in self._items(self._trees.get(_EXTENT_TREE, 0), first, Key(logical, 255, _MOST)):
            if key.kind == _EXTENT_ITEM and key.objectid <= logical < key.objectid + key.offset:
                item = (key.objectid, data)
        if item is None or not struct.unpack_from("<Q", item[1], 16)[0] & 1:
            return []
        start, data = item
        pairs = list(self._references(data))
        for key, more in self._items(self._trees[_EXTENT_TREE], Key(start, _DATA_REF, 0), Key(start, _SHARED_DATA_REF, _MOST)):
            if key.kind == _DATA_REF:
                pairs.append(struct.unpack_from("<QQ", more))
            elif key.kind == _SHARED_DATA_REF:
                pairs += self._shared(key.offset, start)
        for parent in _parents(data):
            pairs += self._shared(parent, start)
        return [self._path(root, inode) for root, inode in dict.fromkeys(pairs)]

    def _references(self, data: bytes) -> Iterator[tuple[int, int]]:
        place = 24
        while place < len(data) and (size := _REF_BYTES.get(data[place])):
            if data[place] == _DATA_REF:
                yield struct.unpack_from("<QQ", data, place + 1)
            place += 1 + size

    def _shared(self, parent: int, start: int) -> Iterator[tuple[int, int]]:
        """A leaf that several snapshots share says which of its inodes use the extent."""
        node = self._node(parent)
        owner = struct.unpack_from("<Q", node, 88)[0]
        for key, data in _leaf(node):
            if key.kind == _EXTENT_DATA and data[20] != 0 and struct.unpack_from("<Q", data, 21)[0] == start:
                yield owner, key.objectid

    def _path(self, root: int, inode: int) -> str:
        path = f"/{self._within(root, inode)}"
        return path if root == _FS_TREE else f"{path} (in {self._subvolume(root)})"

    def _within(self, root: int, inode: int) -> str:
        """A file's or folder's path in its subvolume."""
        tree, parts = self._trees.get(root, 0), list[str]()
        for _ in range(_MAX_DEPTH):
            if inode == 256:
                break
            found = next(iter(self._items(tree, Key(inode, _INODE_REF, 0), Key(inode, _INODE_REF, _MOST))), None)
            if found is None:
                parts.append(f"inode {inode}, without a name")
                break
            key, data = found
            size = struct.unpack_from("<H", data, 8)[0]
            parts.append(data[10 : 10 + size].decode("utf-8", "replace"))
            inode = key.offset
        return "/".join(reversed(parts))

    def _subvolume(self, root: int) -> str:
        return f"subvolume {self._place(root) or root}"

    def _place(self, root: int) -> str:
        """Where a subvolume is, by names alone up to the top."""
        parts = list[str]()
        for _ in range(_MAX_DEPTH):
            found = next(iter(self._items(self._root, Key(root, _ROOT_BACKREF, 0), Key(root, _ROOT_BACKREF, _MOST))), None)
            if found is None:
                break
            key, data = found
            folder, size = struct.unpack_from("<Q8xH", data)
            parts.append(data[18 : 18 + size].decode("utf-8", "replace"))
            root = key.offset
            parts += [self._within(root, folder)] if folder != 256 else []
        return "/".join(reversed(parts))

    def _items(self, root: int, first: Key, last: Key, depth: int = 0) -> Iterator[tuple[Key, bytes]]:
        """The items of a tree between two keys, both included."""
        if depth > 8 or not root:
            raise Lost("one of its trees has no end")
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Lost("one of its trees leads to the same blocks again and again")
        node = self._node(root)
        if node[100] == 0:
            yield from ((key, data) for key, data in _leaf(node) if first <= key <= last)
            return
        count = min(struct.unpack_from("<I", node, 96)[0], (len(node) - _HEADER) // 33)
        keys = [Key(*struct.unpack_from("<QBQ", node, _HEADER + 33 * index)) for index in range(count)]
        for index in range(max(bisect_right(keys, first) - 1, 0), count):
            if keys[index] > last:
                return
            yield from self._items(struct.unpack_from("<Q", node, _HEADER + 33 * index + 17)[0], first, last, depth + 1)

    def _node(self, logical: int) -> bytes:
        if logical in self._nodes:
            return self._nodes[logical]
        for place in self._places(logical):
            try:
                node = self._volume.read(place, self._node_bytes)
            except OSError:
                continue  # its other copy may be whole
            if len(node) == self._node_bytes and struct.unpack_from("<Q", node, 48)[0] == logical:
                if len(self._nodes) >= _MAX_NODES:
                    self._nodes.clear()
                self._nodes[logical] = node
                return node
        raise Lost(f"a block of its trees cannot be read, at {logical}")

    def _learn(self, items: list[tuple[Key, bytes]]) -> None:
        found = {chunk.start: chunk for chunk in self._chunks}
        for key, data in items:
            length, count = struct.unpack_from("<Q36xH", data)
            stripes = tuple(struct.unpack_from("<8xQ", data, 48 + 32 * index)[0] for index in range(min(count, 4)))
            found[key.offset] = _Chunk(key.offset, length, stripes)
        self._chunks = sorted(found.values())

    def _places(self, logical: int) -> list[int]:
        index = bisect_right(self._chunks, (logical, _MOST, ())) - 1
        if index < 0 or logical >= self._chunks[index].start + self._chunks[index].length:
            return []
        return [stripe + logical - self._chunks[index].start for stripe in self._chunks[index].stripes]

    def _run(self, logical: int, length: int) -> tuple[int, ...]:
        index = bisect_right(self._chunks, (logical, _MOST, ())) - 1
        places = tuple(self._places(logical))
        if not places or logical + length > self._chunks[index].start + self._chunks[index].length:
            raise Lost(f"no chunk holds what is at {logical}")
        return places

    def _logical(self, place: int) -> int | None:
        for start, length, stripes in self._chunks:
            for stripe in stripes:
                if stripe <= place < stripe + length:
                    return start + place - stripe
        return None


def _bootstrap(array: bytes) -> list[tuple[Key, bytes]]:
    found, place = [], 0
    while place + 17 + 48 <= len(array):
        key = Key(*struct.unpack_from("<QBQ", array, place))
        size = 48 + 32 * struct.unpack_from("<H", array, place + 17 + 44)[0]
        found.append((key, array[place + 17 : place + 17 + size]))
        place += 17 + size
    if not found or any(len(data) < 80 for _, data in found):
        raise Lost("its superblock tells of no chunks")
    return found


def _leaf(node: bytes) -> Iterator[tuple[Key, bytes]]:
    for index in range(min(struct.unpack_from("<I", node, 96)[0], (len(node) - _HEADER) // 25)):
        *key, offset, size = struct.unpack_from("<QBQII", node, _HEADER + 25 * index)
        yield Key(*key), node[_HEADER + offset : _HEADER + offset + size]


def _parents(data: bytes) -> Iterator[int]:
    place = 24
    while place < len(data) and (size := _REF_BYTES.get(data[place])):
        if data[place] == _SHARED_DATA_REF:
            yield struct.unpack_from("<Q", data, place + 1)[0]
        place += 1 + size


def _unpack(packed: int, raw: bytes, length: int) -> bytes:
    try:
        match packed:
            case 0:
                plain = raw
            case 1:
                plain = zlib.decompressobj().decompress(raw, length)
            case 3:
                plain = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
            case _:
                raise Lost("a file is packed by LZO")
    except (zlib.error, zstandard.ZstdError):
        raise Lost("a packed file cannot be unpacked") from None
    return plain[:length].ljust(length, b"\0")
