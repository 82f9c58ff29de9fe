"""The EFI system partition as a folder: taken out of the disk by mtools, and what was changed put back.

No kernel needs a FAT driver for it, and a hostile FAT file system meets a program without rights instead of our kernel.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.run import CommandError, Runner
from xeninstall.base.sizes import MIB, format_size

from ..types import Extent
from .apply import RepairError
from .memory import folder_in_memory

# What loaders, kernels and their initramfs take is a tenth of it. More files than clusters may claim each other's bytes.
_MOST_BYTES = 1 << 30
_MOST_FILES = 20_000
_ROOM_BYTES = 16 * MIB  # for what repairs add, and for files that take less than a page
_SECONDS = 300


class Esp:
    """A FAT file system at `offset` of a raw file, and the folder that stands for it."""

    def __init__(self, image: Path, offset: int, folder: Path, runner: Runner) -> None:
        self._image, self._offset, self.folder, self._runner = image, offset, folder, runner
        self._before: dict[str, str] = {}

    def take(self) -> None:
        """Fill the folder. Raises RepairError."""
        try:
            self._mtools("mcopy", "-s", "-n", "-m", "::/", str(self.folder), readable=True)
        finally:
            # Whatever else it says then.
            self._see_that_there_is_room()
        self._before = _digests(self.folder)

    def put_back(self) -> None:
        """Write what was changed. Raises RepairError."""
        after = _digests(self.folder)
        for path in sorted(self._before.keys() - after.keys()):
            self._mtools("mdel", f"::{path}")
        known = {str(parent) for path in self._before for parent in Path(path).parents}
        for path in sorted(path for path in after if after[path] != self._before.get(path)):
            for parent in reversed(Path(path).parents):
                if str(parent) not in known:
                    self._mtools("mmd", f"::{parent}")
                    known.add(str(parent))
            self._mtools("mcopy", "-o", str(self.folder / path.lstrip("/")), f"::{path}")
        self._before = after

    def _see_that_there_is_room(self) -> None:
        room = os.statvfs(self.folder)
        if room.f_bavail and room.f_favail:
            return
        full = format_size(room.f_blocks * room.f_frsize) if not room.f_bavail else f"{room.f_files} files"
        raise RepairError(
            f"the EFI system partition is damaged, or not one: more than {full} would come out of it",
            hint="check it in the running system (fsck.vfat), or convert without --repair",
        )

    def _mtools(self, tool: str, *arguments: str, readable: bool = False) -> str:
        image = f"{self._image}@@{self._offset}"
        # Contained: a name in the file system must not lead the program out of the folder, nor to a service of this machine.
        writable, other = (self.folder, self._image) if readable else (self._image, self.folder)
        jail = ["timeout", "--kill-after=5", str(_SECONDS), "prlimit", f"--as={_MOST_BYTES}", "--", "bwrap", "--die-with-parent"]
        jail += ["--unshare-net", "--unshare-pid", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--tmpfs", "/run"]
        jail += [
            "--ro-bind",
            str(other),
            str(other),
            "--bind",
            str(writable),
            str(writable),
            "--setenv",
            "MTOOLS_SKIP_CHECK",
            "1",
        ]
        try:
            return self._runner.run([*jail, "--", tool, "-i", image, *arguments]).stdout
        except CommandError as error:
            raise RepairError(
                f"the EFI system partition could not be {'read' if readable else 'written'}: {error.said[-200:]}",
                hint="see that it is sound and has room, or convert without --repair",
            ) from None


@contextmanager
def staged(image: Path, place: Extent, runner: Runner) -> Iterator[Esp]:
    """One with a folder of its own, filled, which takes no more than there can be in its place. Raises RepairError."""
    with folder_in_memory("esp", min(place.length, _MOST_BYTES) + _ROOM_BYTES, _MOST_FILES, runner) as folder:
        esp = Esp(image, place.start, folder, runner)
        esp.take()
        yield esp


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for place in sorted(folder.rglob("*")):
        if place.is_file() and not place.is_symlink():
            with place.open("rb") as file:
                found[f"/{place.relative_to(folder)}"] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
