"""The EFI system partition as a folder: taken out of the disk by mtools, and what was changed put back.

No kernel needs a FAT driver for it, and a hostile FAT file system meets a program without rights instead of our kernel.
"""

import hashlib
from pathlib import Path

from xeninstall.base.run import CommandError, Runner

from .apply import RepairError


class Esp:
    """A FAT file system at `offset` of a raw file or device, and the folder that stands for it."""

    def __init__(self, image: Path, offset: int, folder: Path, runner: Runner) -> None:
        self._image, self._offset, self.folder, self._runner = image, offset, folder, runner
        self._before: dict[str, str] = {}

    def take(self) -> None:
        """Fill the folder. Raises RepairError."""
        if not any(line and not line.startswith(" ") for line in self._mtools("mdir", "-b", "::/", readable=True).splitlines()):
            return
        self._mtools("mcopy", "-s", "-n", "-m", "::*", str(self.folder), readable=True)
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

    def _mtools(self, tool: str, *arguments: str, readable: bool = False) -> str:
        image = f"{self._image}@@{self._offset}"
        # Contained: a name in the file system must not lead the program out of the folder.
        writable = self.folder if readable else self._image
        jail = ["bwrap", "--die-with-parent", "--unshare-net", "--unshare-pid", "--cap-drop", "ALL", "--ro-bind", "/", "/"]
        jail += ["--dev-bind", str(writable), str(writable), "--setenv", "MTOOLS_SKIP_CHECK", "1"]
        try:
            return self._runner.run([*jail, "--", tool, "-i", image, *arguments]).stdout
        except CommandError as error:
            raise RepairError(
                f"the EFI system partition could not be {'read' if readable else 'written'}: {error.said[-200:]}",
                hint="see that it is sound and has room, or convert without --repair",
            ) from None


def _digests(folder: Path) -> dict[str, str]:
    return {
        f"/{place.relative_to(folder)}": hashlib.sha256(place.read_bytes()).hexdigest()
        for place in sorted(folder.rglob("*"))
        if place.is_file() and not place.is_symlink()
    }
