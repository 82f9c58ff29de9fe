"""The files of a volume, by what is on it."""

import struct
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner

from ..layout.model import Kind
from ..types import Reader
from .btrfs import BtrfsFiles
from .ext import ExtFiles
from .fat import FatFiles
from .model import Files, Lost
from .ntfs import NtfsFiles
from .xfs import XfsFiles

# What goes wrong inside a damaged file system, or one on a medium that fails.
TROUBLE = (Error, Lost, OSError, struct.error, IndexError, ValueError, RecursionError)


def open_files(kind: Kind, view: Path, volume: Reader, runner: Runner) -> Files | None:
    """None where nobody knows how. Raises what is in TROUBLE, as all questions to the answer do."""
    match kind:
        case Kind.EXT:
            return ExtFiles(view, volume, runner)
        case Kind.XFS:
            return XfsFiles(view, volume, runner)
        case Kind.BTRFS:
            return BtrfsFiles(volume)
        case Kind.NTFS:
            return NtfsFiles(view, volume, runner)
        case Kind.FAT:
            return FatFiles(volume)
        case _:
            return None
