"""What is mounted, as the kernel tells it (proc(5), mountinfo)."""

import re
from dataclasses import dataclass
from pathlib import Path

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mounted:
    """One mount. `number` is its file system's, the same wherever that is shown; `source` is the device that the kernel names."""

    place: Path
    number: str
    source: str


def mounted_below(root: Path) -> list[Mounted]:
    """What is mounted at a folder and below it, in order."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        words = before.split()
        place = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), words[4]))
        if place.is_relative_to(root):
            found.append(Mounted(place, words[2], after.split()[1]))
    return found
