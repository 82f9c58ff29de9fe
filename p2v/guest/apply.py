"""Changes → the guest's files. The one place that writes into a guest; whatever it replaces is kept in the guest itself."""

import os
import posixpath
import shlex
import stat
from collections.abc import Sequence
from contextlib import suppress

from xeninstall.base.errors import Error

from .changes import Change, MakeLink, Remove, RunInGuest, WriteFile
from .tree import Kind, RootTree, TreeError, encode

KEPT = "/var/lib/p2v"  # in the guest: what was replaced, how to put it back, what was done
_BEFORE = f"{KEPT}/before"
_UNDO_HEAD = """#!/bin/sh
# Puts back every file that p2v changed when it made a virtual machine of this system.
# An initramfs is not put back: rebuild it afterwards with the system's own tool.
cd /
"""


class RepairError(Error):
    """A repair could not be made."""


class Applier:
    """Makes changes one after another; each file's first state is kept, however often it is changed."""

    def __init__(self, tree: RootTree) -> None:
        self._tree = tree
        self._undo: dict[str, str] = {}

    def make(self, change: Change) -> None:
        """Make it. Raises RepairError; a RunInGuest is not for here."""
        assert not isinstance(change, RunInGuest), "programs are run by the jail"
        try:
            match change:
                case WriteFile():
                    self._write(change)
                case Remove(path=path):
                    self._keep(self._beside(path))
                    self._unlink(path)
                case MakeLink(path=path, target=target):
                    self._keep(self._beside(path))
                    self._unlink(path)
                    self._make_link(path, target)
        except OSError as error:
            raise RepairError(
                f"{change.path} of the guest cannot be changed: {error.strerror}",
                hint="see that its file system is sound and has room, or convert without --repair",
            ) from None

    def finish(self, files: Sequence[tuple[str, str]]) -> None:
        """Leave the way back, and these reports, in the guest."""
        # Newest first, so that a file that was linked and then written is put back in order.
        lines = [line for _, line in reversed(self._undo.items())]
        self._put(f"{KEPT}/undo", encode(_UNDO_HEAD + "".join(f"{line}\n" for line in lines)), 0o755)
        for name, content in files:
            self._put(f"{KEPT}/{name}", encode(content), 0o644)

    def _write(self, change: WriteFile) -> None:
        place = self._tree.real(change.path)
        there = self._tree.kind(place)
        if there not in (None, Kind.FILE):
            raise RepairError(
                f"{change.path} of the guest is not a file, and cannot be written", hint="look at it, and remove it by hand"
            )
        self._keep(place)
        self._put(place, change.data, change.mode)

    def _put(self, place: str, data: bytes, mode: int) -> None:
        self._tree.make_folders(posixpath.dirname(place))
        if self._tree.kind(place) not in (None, Kind.FILE):
            raise TreeError(f"{place} of the guest is not a file")
        fd = self._tree.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, mode)
        with os.fdopen(fd, "wb") as file:
            if os.fstat(fd).st_size == 0 and mode != stat.S_IMODE(os.fstat(fd).st_mode) and place.startswith(KEPT):
                os.fchmod(fd, mode)
            file.write(data)

    def _make_link(self, path: str, target: str) -> None:
        parent, name = posixpath.split(path)
        self._tree.make_folders(parent)
        with self._tree.folder(parent) as fd:
            os.symlink(target, name, dir_fd=fd)

    def _unlink(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._tree.unlink(path)

    def _beside(self, path: str) -> str:
        parent, name = posixpath.split(path)
        return posixpath.join(self._tree.real(parent), name)

    def _keep(self, place: str) -> None:
        if place in self._undo:
            return
        kept, quoted = f"{_BEFORE}{place}", shlex.quote(place)
        target = self._tree.link(place)
        if target is not None:
            self._undo[place] = f"rm -f {quoted}; ln -s {shlex.quote(target)} {quoted}"
        elif self._tree.kind(place) is Kind.FILE:
            self._copy(place, kept)
            self._undo[place] = f"rm -f {quoted}; cp -p {shlex.quote(kept)} {quoted}"
        else:
            self._undo[place] = f"rm -f {quoted}"

    def _copy(self, place: str, kept: str) -> None:
        self._tree.make_folders(posixpath.dirname(kept))
        source = self._tree.open(place, os.O_RDONLY | os.O_NONBLOCK)
        try:
            was = os.fstat(source)
            # Closed to others until it has its owner: what is kept may be a secret.
            target = self._tree.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            try:
                while block := os.read(source, 1 << 20):
                    os.write(target, block)
                with suppress(PermissionError):
                    os.fchown(target, was.st_uid, was.st_gid)
                os.fchmod(target, stat.S_IMODE(was.st_mode))
                os.utime(target, ns=(was.st_atime_ns, was.st_mtime_ns))
            finally:
                os.close(target)
        finally:
            os.close(source)
