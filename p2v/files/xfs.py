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
        self._group_log = block[124]

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
        """See Files.hit. The blocks are not looked at for it: on a medium that fails they cannot be read."""
        blocks = {
            block for start, length in places for block in range(start // self._block, (start + length - 1) // self._block + 1)
        }
        asked = [
            f"-b {number // self._group << self._group_log | number % self._group}" for number in sorted(blocks)[:_MAX_PLACES]
        ]
        said = self._ask(f"blockget -n {' '.join(asked)}")
        owned = re.findall(r"^setting inode to (\d+) for block \d+/\d+$", said, re.MULTILINE)
        inodes = sorted(set(owned), key=int)
        if inodes:
            told = self._ask("blockget -n", f"ncheck {' '.join(f'-i {inode}' for inode in inodes)}")
            names = dict(re.findall(r"^\s*(\d+) (.+)$", told, re.MULTILINE))
            for inode in inodes:
                name = names.get(inode, "").removesuffix("/.").lstrip("/")
                yield f"/{name}" if inode in names else f"inode {inode}, without a name"
        if len(owned) < len(asked):
            yield TABLES

    def _ask(self, *commands: str) -> str:
        argv = ["xfs_db", "-r", *(word for command in commands for word in ("-c", command)), str(self._view)]
        return self._runner.run(argv, check=False).stdout
