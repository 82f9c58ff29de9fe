"""A disk that fails: sectors that cannot be read, ever or at first, and one that vanishes."""

import errno
from pathlib import Path

from p2v.source.file import FileReader

SECTOR = 512


class FailingReader(FileReader):
    """`bad` sectors fail always; `weak` ones as often as said; after `vanishes_after` reads nothing is there."""

    def __init__(
        self, path: Path, bad: set[int] | None = None, weak: dict[int, int] | None = None, vanishes_after: int | None = None
    ) -> None:
        super().__init__(path)
        self.bad, self.weak, self.left = bad or set(), weak or {}, vanishes_after

    def read_into(self, offset: int, buffer: memoryview) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENODEV, "No such device", self.name)
        for sector in range(offset // SECTOR, -(-(offset + len(buffer)) // SECTOR)):
            if sector in self.bad or self.weak.get(sector, 0) > 0:
                self.weak[sector] = self.weak.get(sector, 0) - 1
                raise OSError(errno.EIO, "Input/output error", self.name)
        super().read_into(offset, buffer)
