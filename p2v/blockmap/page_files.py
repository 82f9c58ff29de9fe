"""Files whose content no boot needs: Windows' page, swap and hibernation files, swap files of Linux. They are found, or kept."""

import re
from pathlib import Path

from xeninstall.base.run import Runner

from ..files.model import Files, Found
from ..files.opened import TROUBLE, open_files
from ..layout.model import Kind
from ..layout.swap import HIBERNATED, MARKS
from ..types import Extent, Extents, Reader
from .extents import normal
from .model import Dropped

# A volume that waits to be woken is copied whole before anybody asks for its files, so that a hibernation file is an old one.
_WINDOWS = ("/pagefile.sys", "/swapfile.sys", "/hiberfil.sys")
_LINUX = ("/swapfile", "/swap.img", "/swap/swapfile", "/var/swapfile", "/var/swap")
_KEPT_BYTES = 65536  # of a swap file: its header, whatever the size of a page is
_SAFE_PATH = re.compile(r"/[\w./+-]{1,200}")


def page_files(kind: Kind, view: Path, volume: Reader, runner: Runner) -> list[Dropped]:
    """What can be left out of a clean volume. What cannot be looked into keeps all it has."""
    try:
        files = open_files(kind, view, volume, runner)
        if files is None:
            return []
        if kind is Kind.NTFS:
            return [Dropped(name, _all(found)) for name in _WINDOWS if (found := files.find(name)) is not None]
        names = dict.fromkeys([*_LINUX, *_in_fstab(files, volume)])
        there = [(name, file) for name in names if (file := files.find(name)) is not None]
        return [Dropped(name, _behind_header(file)) for name, file in there if _is_swap(file, volume)]
    except TROUBLE:
        return []


def _in_fstab(files: Files, volume: Reader) -> list[str]:
    table = files.find("/etc/fstab")
    if table is None:
        return []
    lines = [line.split() for line in table.read(volume, 0, 65536).decode("utf-8", "replace").splitlines()]
    return [line[0] for line in lines if len(line) >= 3 and line[2] == "swap" and _SAFE_PATH.fullmatch(line[0])]


def _is_swap(file: Found, volume: Reader) -> bool:
    """Whether it really is one, nothing sleeps in it, and no checksum of the file system's would miss what is left out."""
    head = file.read(volume, 0, _KEPT_BYTES)
    ends = [head[page - 10 : page] for page in (4096, 8192, 16384, 65536)]
    asleep = any(end.startswith(mark) for end in ends for mark in HIBERNATED)
    return file.bare and file.data is None and any(end in MARKS for end in ends) and not asleep


def _all(file: Found) -> Extents:
    return normal(extent for _, extent in file.runs)


def _behind_header(file: Found) -> Extents:
    return normal(
        Extent(start + kept, length - kept)
        for offset, (start, length) in file.runs
        if (kept := min(max(_KEPT_BYTES - offset, 0), length)) < length
    )
