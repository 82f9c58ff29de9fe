"""Where a run keeps its journal and its log: beside an image file, and under /run for a disk, whose ESP has a copy."""

import os
from pathlib import Path

from .target import place_of


def is_disk(target: str) -> bool:
    """A device node, or a path where only device nodes are; everything else is, or becomes, an image file."""
    return (target.startswith("/dev/") and not target.startswith("/dev/shm/")) or Path(target).is_block_device()


def journal_of(target: str) -> Path:
    """The journal of an installation onto this target."""
    return place_of(target).with_suffix(".journal.json") if is_disk(target) else Path(f"{os.path.realpath(target)}.journal.json")


def log_of(target: str) -> Path:
    """Its log."""
    return place_of(target).with_suffix(".log") if is_disk(target) else Path(f"{os.path.realpath(target)}.log")
