"""What is mounted, as the kernel tells it: /proc/self/mountinfo, proc_pid_mountinfo(5)."""

import re
from dataclasses import dataclass
from pathlib import Path

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of it. A name with bytes that are no UTF-8 has them as surrogates, as everywhere in Python."""

    number: str  # major:minor; 0:N where the file system has no device of its own, such as btrfs, ZFS and overlay
    place: str
    fstype: str
    source: str
    options: str  # the file system's, which may be writable where a mount of it is not


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Every mount, in the order in which they were made; what is no line of it is left out."""
    found = []
    for line in text.split("\n"):  # names may have other ends of lines in them
        head, separator, tail = line.partition(" - ")
        before, after = head.split(" "), tail.split(" ")
        if separator and len(before) >= 5 and len(after) >= 2:
            options = after[2] if len(after) > 2 else ""
            found.append(Mount(before[2], _plain(before[4]), after[0], _plain(after[1]), _plain(options)))
    return tuple(found)


def own_mounts() -> tuple[Mount, ...]:
    """Those that this process sees. Raises OSError without /proc."""
    return parse_mounts(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))


def mounts_below(directory: Path) -> list[Mount]:
    """Those at a directory or below it."""
    return [mount for mount in own_mounts() if Path(mount.place).is_relative_to(directory)]


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
