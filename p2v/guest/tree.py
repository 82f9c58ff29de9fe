"""A guest's files, reached so that nothing in them can lead out of the guest.

The guest is not trusted: any of its names may be a link to `/`, any of its files a pipe that never answers. The kernel resolves
every path within the root (openat2(2), RESOLVE_IN_ROOT), and only regular files are ever read.
"""

import ctypes
import os
import posixpath
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from errno import ENOTDIR
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Protocol

from xeninstall.base.errors import Error

# openat2(2): the same number on every architecture but Alpha. linux/openat2.h.
_OPENAT2, _AT_FDCWD = 437, -100
_NO_MAGICLINKS, _IN_ROOT = 0x02, 0x10
_LIBC = ctypes.CDLL(None, use_errno=True)
MAX_BYTES = 64 << 20  # the largest file that a repair has reason to read: a boot loader, a registry is handled elsewhere
MAX_TEXT_BYTES = 8 << 20  # the largest configuration: reading line by line takes time
_MAX_NAMES = 100_000


class TreeError(Error):
    """The guest's files are not what they should be."""


class Kind(StrEnum):
    """What a name is, once links are followed."""

    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


class Tree(Protocol):
    """A guest's files. Paths begin with `/`, which is the guest's own; links are followed within it."""

    def real(self, path: str) -> str:
        """The same place without links. What does not exist is itself, in its folder's real place."""

    def kind(self, path: str) -> Kind | None:
        """What is there, or None."""

    def link(self, path: str) -> str | None:
        """Where a link says that it leads; None when it is none."""

    def read(self, path: str, limit: int = MAX_BYTES) -> bytes | None:
        """A regular file's first `limit` bytes; None when there is none. Raises TreeError for one larger than MAX_BYTES."""

    def names(self, path: str) -> tuple[str, ...]:
        """What is in a folder, sorted; nothing when it is none."""


class RootTree:
    """The files below a folder of ours, where the guest's file systems are mounted."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._fd = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the root, so that it can be unmounted."""
        os.close(self._fd)

    def open(self, path: str, flags: int, mode: int = 0) -> int:
        """A descriptor of what is there, never of anything outside. Raises OSError."""
        return _openat2(self._fd, path, flags | os.O_CLOEXEC, mode)

    def real(self, path: str) -> str:
        """See Tree."""
        clean = _clean(path)
        try:
            return self._place(self.open(clean, os.O_PATH))
        except OSError:
            parent, name = posixpath.split(clean)
            return clean if parent == clean else posixpath.join(self.real(parent), name)

    def kind(self, path: str) -> Kind | None:
        """See Tree."""
        try:
            fd = self.open(path, os.O_PATH)
        except OSError:
            return None
        try:
            mode = os.fstat(fd).st_mode
        finally:
            os.close(fd)
        return Kind.FILE if stat.S_ISREG(mode) else Kind.FOLDER if stat.S_ISDIR(mode) else Kind.OTHER

    def link(self, path: str) -> str | None:
        """See Tree."""
        try:
            fd = self.open(path, os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            return os.readlink("", dir_fd=fd)
        except OSError:
            return None
        finally:
            os.close(fd)

    def read(self, path: str, limit: int = MAX_BYTES) -> bytes | None:
        """See Tree."""
        # Looked at before it is opened for reading: opening a device or a pipe does something.
        if self.kind(path) is not Kind.FILE:
            return None
        try:
            fd = self.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(fd, "rb") as file:
            data = file.read(limit + 1)
        if len(data) > MAX_BYTES:
            raise TreeError(
                f"{path} of the guest is larger than {MAX_BYTES >> 20} MiB", hint="look at it: it should be a small file"
            )
        return data[:limit]

    def names(self, path: str) -> tuple[str, ...]:
        """See Tree."""
        try:
            fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return ()
        try:
            found = sorted(os.listdir(fd))  # noqa: PTH208 (a descriptor, not a path)
        finally:
            os.close(fd)
        return tuple(found[:_MAX_NAMES])

    @contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A folder, open: what is made or removed in it by its name alone is in the guest. Raises OSError."""
        fd = self.open(path or "/", os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)

    def make_folders(self, path: str) -> None:
        """Make it, and those above it that are missing. Raises OSError."""
        if self.kind(path) is Kind.FOLDER:
            return
        parent, name = posixpath.split(path)
        if not name:
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), path)
        self.make_folders(parent)
        with self.folder(parent) as fd:
            os.mkdir(name, 0o755, dir_fd=fd)

    def unlink(self, path: str) -> None:
        """Remove a file, or a link and not what it leads to. Raises OSError."""
        parent, name = posixpath.split(path)
        with self.folder(parent) as fd:
            os.unlink(name, dir_fd=fd)

    def _place(self, fd: int) -> str:
        try:
            place = str(Path(f"/proc/self/fd/{fd}").readlink())
        finally:
            os.close(fd)
        return "/" + posixpath.relpath(place, self.root) if place != str(self.root) else "/"


def text(tree: Tree, path: str) -> str | None:
    """A file as text. Bytes that are no UTF-8 survive: what is written back by `encode` is what was read. Raises TreeError."""
    data = tree.read(path, MAX_TEXT_BYTES + 1)
    if data is not None and len(data) > MAX_TEXT_BYTES:
        raise TreeError(
            f"{path} of the guest is larger than {MAX_TEXT_BYTES >> 20} MiB", hint="look at it: no configuration is so large"
        )
    return None if data is None else data.decode("utf-8", "surrogateescape")


def printable(value: str) -> str:
    """Without what could steer a terminal: a guest's names go into reports and messages."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in value)


def encode(value: str) -> bytes:
    """The reverse of `text`."""
    return value.encode("utf-8", "surrogateescape")


def find(tree: Tree, pattern: str) -> list[str]:
    """The paths that match a pattern of `*`, `?` and `[…]`, part by part, in order."""
    found = ["/"]
    for part in PurePosixPath(pattern).parts[1:]:
        if any(sign in part for sign in "*?["):
            found = [posixpath.join(place, name) for place in found for name in tree.names(place) if fnmatchcase(name, part)]
        else:
            found = [posixpath.join(place, part) for place in found]
            found = [place for place in found if tree.kind(place) is not None or tree.link(place) is not None]
    return found


def is_file(tree: Tree, path: str) -> bool:
    """Whether a regular file is there."""
    return tree.kind(path) is Kind.FILE


def is_folder(tree: Tree, path: str) -> bool:
    """Whether a folder is there."""
    return tree.kind(path) is Kind.FOLDER


def _clean(path: str) -> str:
    # Not normpath: `a/../b` is not `b` where `a` is a link.
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _openat2(fd: int, path: str, flags: int, mode: int) -> int:
    if "\0" in path:
        raise OSError(22, "a name with a null byte", path)
    how = struct.pack("=QQQ", flags, mode, _IN_ROOT | _NO_MAGICLINKS)
    while True:
        got = int(_LIBC.syscall(_OPENAT2, fd, os.fsencode(path), how, ctypes.c_size_t(len(how))))
        if got >= 0:
            return got
        number = ctypes.get_errno()
        # The kernel gives up with EAGAIN when something on the machine was renamed meanwhile, and asks to be asked again.
        if number not in (4, 11):
            raise OSError(number, os.strerror(number), path)
