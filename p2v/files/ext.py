"""ext2, ext3 and ext4 by debugfs, which only reads."""

import re
from collections.abc import Iterator
from pathlib import Path

from xeninstall.base.run import Runner

from ..types import Extent, Extents, Reader
from .model import TABLES, Found

_MAX_BLOCKS = 4096  # asked of debugfs in one go
_RUN = re.compile(r"\((\d+)(?:-(\d+))?(\[u\])?\):(\d+)")


class ExtFiles:
    """One volume."""

    def __init__(self, view: Path, volume: Reader, runner: Runner) -> None:
        self._view, self._runner = view, runner
        log = int.from_bytes(volume.read(1024 + 24, 4), "little")
        self._block = 1024 << min(log, 6)

    def find(self, path: str) -> Found | None:
        """See Files.find."""
        said = self._ask(f'stat "{path}"')
        size = re.search(r"Size: (\d+)", said)
        if "Type: regular" not in said or size is None:
            return None
        told = re.split(r"^(?:EXTENTS|BLOCKS):$", said, flags=re.MULTILINE)
        if len(told) < 2:
            return Found(int(size[1])) if size[1] == "0" else None  # stored within the inode
        runs = []
        for first, last, unwritten, block in _RUN.findall(told[1]):
            if not unwritten:
                length = (int(last or first) - int(first) + 1) * self._block
                runs.append((int(first) * self._block, Extent(int(block) * self._block, length)))
        return Found(int(size[1]), tuple(runs))

    def hit(self, places: Extents) -> Iterator[str]:
        """See Files.hit."""
        block = self._block
        numbers = sorted(
            {number for start, length in places for number in range(start // block, (start + length - 1) // block + 1)}
        )
        told = self._ask(f"icheck {' '.join(map(str, numbers[:_MAX_BLOCKS]))}")
        pairs = re.findall(r"^(\d+)\t(\d+|<block not found>)$", told, re.MULTILINE)
        inodes = sorted({int(inode) for _, inode in pairs if inode.isdigit()})
        if inodes:
            names = dict(re.findall(r"^(\d+)\t(.+)$", self._ask(f"ncheck {' '.join(map(str, inodes))}"), re.MULTILINE))
            for inode in inodes:
                name = names.get(str(inode))
                yield f"/{name.lstrip('/')}" if name else f"inode {inode}, without a name"
        if any(not inode.isdigit() for _, inode in pairs) or not pairs:
            yield TABLES

    def _ask(self, request: str) -> str:
        return self._runner.run(["debugfs", "-R", request, str(self._view)], check=False).stdout
