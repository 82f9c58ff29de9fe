"""NTFS by ntfscluster, which only reads."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from xeninstall.base.run import Runner

from ..types import Extent, Extents, Reader
from .model import Found

_MAX_PLACES = 64  # each goes through the whole file table
_RUN = re.compile(r"^ +(\d+) +(-?\d+) +(\d+)$", re.MULTILINE)


class NtfsFiles:
    """One volume."""

    def __init__(self, view: Path, volume: Reader, runner: Runner) -> None:
        self._view, self._runner = view, runner
        sector, per_cluster = struct.unpack("<HB", volume.read(11, 3))
        self._cluster = sector * (per_cluster if per_cluster <= 0x80 else 1 << (256 - per_cluster))

    def find(self, path: str) -> Found | None:
        """See Files.find. The size is that of the clusters; a file that fits into its record has no place of its own."""
        said = self._ask("-F", path)
        attributes = re.split(r"^ {4}(0x[0-9a-f]+) - (?:non-)?resident$", said, flags=re.MULTILINE)
        runs: list[tuple[int, Extent]] = []
        place = 0
        for kind, told in zip(attributes[1::2], attributes[2::2], strict=False):
            if kind != "0x80":
                continue
            for first, cluster, count in _RUN.findall(told):
                if int(first) != place:
                    continue  # another stream of the file
                place += int(count)
                if int(cluster) >= 0:
                    runs.append((int(first) * self._cluster, Extent(int(cluster) * self._cluster, int(count) * self._cluster)))
        return Found(place * self._cluster, tuple(runs)) if runs else None

    def hit(self, places: Extents) -> Iterator[str]:
        """See Files.hit."""
        for start, length in places[:_MAX_PLACES]:
            sectors = f"{start // 512}-{(start + length - 1) // 512}"
            names = re.findall(r"^Inode \d+ (\S.*?)(?:/\$[A-Z_]+)?$", self._ask("-s", sectors), re.MULTILINE)
            yield from names or [f"sectors {sectors}: free space, or files unknown"]
        if len(places) > _MAX_PLACES:
            yield f"{len(places) - _MAX_PLACES} more places"

    def _ask(self, option: str, value: str) -> str:
        return self._runner.run(["ntfscluster", "-f", option, value, str(self._view)], check=False).stdout
