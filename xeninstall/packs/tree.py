"""The directory that a pack is read into: nothing gets in but plain files with plain names, within the limits."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.sizes import GIB, format_size

from .errors import PackError
from .model import FILES_MAXIMUM
from .names import check_kind, normal, shown

_BLOCK_BYTES = 2**20
Read = Callable[[int], bytes]  # at most so many bytes; none at the end


@dataclass(frozen=True)
class Limits:
    """What a pack may be at most, unpacked. A small archive can hold terabytes of nothing."""

    bytes: int = 4 * GIB
    files: int = FILES_MAXIMUM + 100

    @property
    def headers_bytes(self) -> int:
        """What an archive of that many files has besides their content."""
        return self.files * 4096


class Tree:
    """Fills a directory of our own. Since no link is ever made in it, no name can lead out of it."""

    def __init__(self, place: Path, limits: Limits) -> None:
        self.place, self._limits = place, limits
        self._files = self._bytes = 0

    @property
    def left_bytes(self) -> int:
        """How much more may come."""
        return self._limits.bytes - self._bytes

    def directory(self, name: str, mode: int = 0o040755) -> None:
        """A directory of the pack; it is made when something comes into it."""
        check_kind(name, mode)
        normal(name)
        self._count(name)

    def add(self, name: str, mode: int, read: Read) -> None:
        """A file of the pack, its content from `read`. Raises PackError for what does not belong into a pack."""
        check_kind(name, mode)
        path = normal(name)
        self._count(name)
        if not path:
            raise PackError("a file in it has no name", hint="get the pack from its maker again")
        place = self.place / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise PackError(f"{shown(path)} is in the pack twice", hint="get the pack from its maker again") from None
        with os.fdopen(descriptor, "wb") as file:
            while block := read(_BLOCK_BYTES):
                self._bytes += len(block)
                if self._bytes > self._limits.bytes:
                    raise too_big(self._limits)
                file.write(block)

    def _count(self, name: str) -> None:
        self._files += 1
        if self._files > self._limits.files:
            raise PackError(
                f"the pack holds more than {self._limits.files} files", hint="a pack is smaller; look at what this is"
            )


def too_big(limits: Limits) -> PackError:
    """Said wherever more comes than a pack may hold."""
    what = f"the pack is larger than {format_size(limits.bytes)} unpacked"
    return PackError(what, hint="a pack is smaller; look at what this is")
