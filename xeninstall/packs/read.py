"""Any source of a pack becomes a directory of ours: a directory, an archive, a device or an image with a file system, a URL."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.events import Emit
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .archive import is_archive, read_archive
from .errors import PackError
from .fetch import fetch, is_url, plain_url
from .folder import read_folder
from .medium import file_system, opened
from .model import MANIFEST
from .names import shown
from .tree import Limits, Tree

_HEAD_BYTES = 512
_NO_PACK = f"a pack has a {MANIFEST} at its top, or is a directory of .ko and .deb files"


def shown_source(source: str) -> str:
    """A source as it may stand in messages and records."""
    return plain_url(source) if is_url(source) else shown(source)


@contextmanager
def read(source: str, runner: Runner, emit: Emit, place: Path, limits: Limits | None = None) -> Iterator[Path]:
    """The pack's files below a directory inside `place`, which goes away at the end. Raises PackError; checks no content yet."""
    limits = limits or Limits()
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=place, ignore_cleanup_errors=True) as name:
            scratch = Path(name)
            tree = Tree(scratch / "tree", limits)
            tree.place.mkdir()
            _read(source, tree, scratch, limits, runner, emit)
            yield tree.place
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
            raise PackError(
                f"there is no room for the pack in {place}", hint=f"{format_size(free)} are free there; make room"
            ) from None
        raise


def _read(source: str, tree: Tree, scratch: Path, limits: Limits, runner: Runner, emit: Emit) -> None:
    if is_url(source):
        download = scratch / "download"
        fetch(source, download, scratch, limits, runner, emit)
        _read_file(download, "", plain_url(source), tree, scratch, limits, runner)
        download.unlink()
        return
    if "://" in source:
        raise PackError(f"{shown(source)}: packs come by http and https", hint="download it, and name the file")
    path, folder = split(source)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        device = str(path).startswith("/dev/")
        hint = "insert the medium, and give the command again" if device else "look at its name"
        raise PackError(f"there is no {shown(str(path))}", hint=hint) from None
    if stat.S_ISDIR(mode):
        read_folder(path / folder, tree)
    elif stat.S_ISREG(mode) or stat.S_ISBLK(mode):
        _read_file(path, folder, str(path), tree, scratch, limits, runner)
    else:
        raise PackError(f"{shown(str(path))} is neither a file, a directory nor a disk", hint="name where the pack is")


def split(source: str) -> tuple[Path, str]:
    """`/dev/sdb1:packs/acme` is the directory packs/acme on that partition; the device's name may hold colons itself."""
    whole = Path(source)
    if not whole.exists() and ":" in source:
        before, _, after = source.rpartition(":")
        if Path(before).exists():
            return Path(before), after.strip("/")
    return whole, ""


def _read_file(path: Path, folder: str, shown_as: str, tree: Tree, scratch: Path, limits: Limits, runner: Runner) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOMEDIUM, errno.EIO, errno.ENXIO):
            raise PackError(
                f"{shown(shown_as)} holds no medium that can be read", hint="insert it, and give the command again"
            ) from None
        raise PackError(f"{shown(shown_as)} cannot be read: {error.strerror}", hint="look at its permissions") from None
    if is_archive(head):
        read_archive(path, tree, scratch, limits, runner)
        return
    fstype = file_system(path, runner)
    if not fstype:
        raise PackError(f"{shown(shown_as)} is no pack: neither an archive nor a file system", hint=_no_pack_hint(path))
    with opened(path, fstype, runner, limits) as medium:
        if not folder:
            found = medium.packs()
            if not found:
                raise PackError(f"there is no pack on {shown(shown_as)}", hint=_NO_PACK)
            if len(found) > 1:
                listed = ", ".join(f"{shown_as}:{shown(one)}" for one in found[:20])
                raise PackError(f"{shown(shown_as)} holds {len(found)} packs", hint=f"name one of them: {listed}")
            folder = found[0]
        medium.read(folder, tree, scratch)


def _no_pack_hint(path: Path) -> str:
    if path.is_block_device():
        return "name the partition that holds the pack, such as /dev/sdb1"
    return f"{_NO_PACK}; archives are tar, plain or by gzip, xz or zstd"
