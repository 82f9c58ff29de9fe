"""A hive of the Windows registry (as documented by the Metasploit and libhivex projects' format notes), read where it lies."""

import struct
from collections.abc import Callable, Iterator

from .model import Lost

_FIRST_BIN = 4096
_MAX_DEPTH, _MAX_KEYS, _MAX_DATA = 4, 100_000, 65536
# All that is read of one: a hundred times what is asked for. Lists of keys may lead to the same places again and again.
_MAX_BYTES = 256 << 20
_CELL_BYTES = 64  # which a cell counts at least, for the time that it takes
_TEXT, _EXPANDED, _NUMBER = 1, 2, 4


class Hive:
    """`read` gives bytes of the hive's file. Raises Lost."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read, self._left = read, _MAX_BYTES
        head = read(0, 48)
        if head[:4] != b"regf":
            raise Lost("it is no hive")
        self._root = struct.unpack_from("<I", head, 36)[0]

    def values(self, path: str) -> dict[str, str | int] | None:
        """The texts and numbers of a key, by name in small letters; None where there is no such key."""
        raw = self.raw_values(path)
        return (
            None if raw is None else {name.casefold(): told for name, value in raw.items() if (told := _told(*value)) is not None}
        )

    def raw_values(self, path: str) -> dict[str, tuple[int, bytes]] | None:
        """All values of a key: the type's number and the bytes, by name as it is written; None where there is no such key."""
        key = self._cell(self._root)
        for name in path.split("\\"):
            following = next((child for child in self._children(key) if _name(child, 72, 76).casefold() == name.casefold()), None)
            if following is None:
                return None
            key = following
        return dict(self._values(key))

    def _cell(self, offset: int) -> bytes:
        size = -struct.unpack("<i", self._exactly(_FIRST_BIN + offset, 4))[0]
        if not 8 <= size <= 1 << 20:
            raise Lost(f"a cell of {size} bytes")
        return self._exactly(_FIRST_BIN + offset + 4, size - 4)

    def _children(self, key: bytes) -> Iterator[bytes]:
        if key[:2] != b"nk":
            raise Lost("a key without its mark")
        count, place = struct.unpack_from("<I4xI", key, 20)
        if count and place != 0xFFFFFFFF:
            for number, offset in enumerate(self._listed(place, 0)):
                if number > _MAX_KEYS:
                    raise Lost("a key of too many keys")
                yield self._cell(offset)

    def _listed(self, place: int, depth: int) -> Iterator[int]:
        cell = self._cell(place)
        mark, count = struct.unpack_from("<2sH", cell)
        if depth > _MAX_DEPTH:
            raise Lost("a list of keys without an end")
        match mark:
            case b"lf" | b"lh":
                yield from (struct.unpack_from("<I", cell, 4 + 8 * index)[0] for index in range(count))
            case b"li":
                yield from struct.unpack_from(f"<{count}I", cell, 4)
            case b"ri":
                for below in struct.unpack_from(f"<{count}I", cell, 4):
                    yield from self._listed(below, depth + 1)
            case _:
                raise Lost("a list of keys without its mark")

    def _values(self, key: bytes) -> Iterator[tuple[str, tuple[int, bytes]]]:
        count, place = struct.unpack_from("<II", key, 36)
        if not count or place == 0xFFFFFFFF:
            return
        for offset in struct.unpack_from(f"<{count}I", self._cell(place)):
            cell = self._cell(offset)
            length, data, kind = struct.unpack_from("<III", cell, 4)
            # Up to four bytes are kept in the place of their offset.
            inline = bool(length >> 31)
            length &= 0x7FFFFFFF
            if length > _MAX_DATA:
                continue
            found = cell[8 : 8 + length] if inline else self._cell(data)[:length] if length else b""
            yield _name(cell, 2, 20), (kind, found)

    def _exactly(self, offset: int, length: int) -> bytes:
        self._left -= max(length, _CELL_BYTES)
        if self._left < 0:
            raise Lost("its keys lead to the same places again and again")
        data = self._read(offset, length)
        if len(data) != length:
            raise Lost("it ends too early")
        return data


def _told(kind: int, data: bytes) -> str | int | None:
    if kind in (_TEXT, _EXPANDED):
        return data.decode("utf-16-le", "replace").split("\0")[0]
    return int(struct.unpack("<I", data)[0]) if kind == _NUMBER and len(data) == 4 else None


def _name(cell: bytes, length_at: int, name_at: int) -> str:
    length = struct.unpack_from("<H", cell, length_at)[0]
    raw = cell[name_at : name_at + length]
    flags_at = 2 if length_at == 72 else 16  # a key's, a value's
    is_latin = struct.unpack_from("<H", cell, flags_at)[0] & (0x20 if length_at == 72 else 1)
    return raw.decode("latin-1" if is_latin else "utf-16-le", "replace")
