"""XFS by xfs_db, which only reads."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from xeninstall.base.run import Runner

from ..types import Extent, Extents, Reader
from .model import TABLES, Found

_MAX_PLACES = 512  # asked of xfs_db in one go
_RUN = re.compile(r"data offset (\d+) startblock \d+ \((\d+)/(\d+)\) count (\d+) flag (\d)")


class XfsFiles:
    """One volume."""

    def __init__(self, view: Path, volume: Reader, runner: Runner) -> None:
        self._view, self._runner = view, runner
        block = volume.read(0, 512)
        self._block = struct.unpack_from(">I", block, 4)[0]
        self._group = struct.unpack_from(">I", block, 84)[0]

    def find(self, path: str) -> Found | None:
        """See Files.find."""
        said = self._ask(f"path {path}", "print core.size", "print core.mode", "bmap")
        size, mode = re.search(r"^core.size = (\d+)", said, re.MULTILINE), re.search(r"^core.mode = (0\d+)", said, re.MULTILINE)
        # Where there is no such path, xfs_db stays where it was: at nothing.
        if size is None or mode is None or int(mode[1], 8) & 0o170000 != 0o100000:
            return None
        runs = []
        for offset, group, block, count, unwritten in _RUN.findall(said):
            if unwritten == "0":
                start = (int(group) * self._group + int(block)) * self._block
                runs.append((int(offset) * self._block, Extent(start, int(count) * self._block)))
        return Found(int(size[1]), tuple(runs))

    def hit(self, places: Extents) -> Iterator[str]:
        """See Files.hit."""
        sectors = {sector for start, length in places for sector in range(start // 512, (start + length - 1) // 512 + 1)}
        blocks = sorted({sector * 512 // self._block * (self._block // 512) for sector in sectors})[:_MAX_PLACES]
        asked = [command for block in blocks for command in (f"daddr {block}", "blockuse -n")]
        said = self._ask("blockget -n", *asked)
        found = re.findall(r"^block \d+ \(\d+/\d+\) type (\S+)(?: inode (\d+)(?: (.+))?)?$", said, re.MULTILINE)
        names = list(dict.fromkeys(name or f"inode {inode}, without a name" for kind, inode, name in found if inode))
        yield from (name if name.startswith("inode ") else f"/{name.lstrip('/')}" for name in names)
        if len([kind for kind, inode, _ in found if inode]) < len(blocks):
            yield TABLES

    def _ask(self, *commands: str) -> str:
        argv = ["xfs_db", "-r", *(word for command in commands for word in ("-c", command)), str(self._view)]
        return self._runner.run(argv, check=False).stdout
