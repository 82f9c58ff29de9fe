"""A pack on a file system: a stick's partition, a disc, an image file. Mounted read-only where this kernel knows the file system,
else read by programs: FAT by mtools, ISO 9660 by ourselves.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from xeninstall.base.interruption import held
from xeninstall.base.run import Runner

from . import iso9660
from .archive import read_archive
from .errors import PackError
from .folder import read_folder
from .model import MANIFEST, SIGNATURE
from .names import PARTS, check_kind, shown
from .tree import Limits, Tree
from .watched import watched

# At the top of a file system these are the pack; whatever else lies there is not ours to judge.
PACK_NAMES = frozenset({MANIFEST, SIGNATURE, *PARTS})
# Where a medium with several packs keeps them.
PACKS = "packs"
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst")
_BARE = (".ko", ".ko.gz", ".ko.xz", ".ko.zst", ".deb")


class Medium:
    """A file system that is looked into: names first, then one directory as a pack."""

    def __init__(self, path: Path, fstype: str, point: Path | None, runner: Runner, limits: Limits) -> None:
        self._path, self._fstype, self._point, self._runner, self._limits = path, fstype, point, runner, limits

    def names(self, folder: str = "") -> list[tuple[str, bool]]:
        """What is in a directory of it, and whether each is a directory; nothing where the directory is not there."""
        if self._point is not None:
            place = self._point / folder
            if not place.is_dir() or place.is_symlink():
                return []
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in os.scandir(place)]
        if self._fstype == "iso9660":
            return iso9660.names(self._path, folder)
        said = self._runner.run(["mdir", "-b", "-i", str(self._path), f"::/{folder}"], check=False).stdout
        found = [line.removeprefix("::/").rstrip() for line in said.splitlines() if line.startswith("::/")]
        return [(line.rstrip("/").rpartition("/")[2], line.endswith("/")) for line in found]

    def read(self, inner: str, tree: Tree, scratch: Path) -> None:
        """Copy one of its packs, a directory or an archive. Raises PackError."""
        folder, _, last = inner.rpartition("/")
        if (last, False) in self.names(folder):
            read_archive(self._file(folder, last, scratch), tree, scratch, self._limits, self._runner)
            return
        self._read_folder("" if inner == "." else inner, tree, scratch)

    def _file(self, folder: str, name: str, scratch: Path) -> Path:
        """A file of it, where it can be opened."""
        inner = f"{folder}/{name}".lstrip("/")
        if self._point is not None:
            place = self._point / inner
            check_kind(inner, place.lstat().st_mode)
            return place
        one = Tree(scratch / "one", self._limits)
        one.place.mkdir()
        if self._fstype == "iso9660":
            iso9660.read_iso(self._path, one, folder, frozenset({name}))
        else:
            self._read_fat(folder, [name], one, scratch)
        return one.place / name

    def _read_folder(self, folder: str, tree: Tree, scratch: Path) -> None:
        present = [name for name, _ in self.names(folder)]
        wanted = frozenset(PACK_NAMES if MANIFEST in present else {name for name in present if is_bare(name)})
        if self._point is not None:
            read_folder(self._point / folder, tree, wanted)
        elif self._fstype == "iso9660":
            iso9660.read_iso(self._path, tree, folder, wanted)
        else:
            self._read_fat(folder, [name for name in present if name in wanted], tree, scratch)

    def _read_fat(self, folder: str, wanted: list[str], tree: Tree, scratch: Path) -> None:
        raw = scratch / "fat"
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir()
        inside = [f"::/{folder}/{name}" if folder else f"::/{name}" for name in wanted]
        if inside:
            argv = ["mcopy", "-s", "-n", "-m", "-i", str(self._path), *inside, str(raw)]
            done = watched(self._runner, argv, raw, self._limits)
            if done.status != 0:
                said = shown((done.stderr.strip().splitlines() or ["mcopy said nothing"])[-1])
                raise PackError(f"{self._path} cannot be read to its end: {said}", hint="copy the pack onto it again")
        read_folder(raw, tree)

    def packs(self) -> list[str]:
        """What on it is a pack: the top itself (`.`), archives there and below `packs`, and directories below `packs`."""
        top = sorted(self.names())
        found = ["."] if any(name == MANIFEST or is_bare(name) for name, _ in top) else []
        found += [name for name, is_directory in top if not is_directory and _is_archive_name(name)]
        if (PACKS, True) in top:
            for name, is_directory in sorted(self.names(PACKS)):
                inner = f"{PACKS}/{name}"
                if is_directory:
                    if any(one == MANIFEST or is_bare(one) for one, _ in self.names(inner)):
                        found.append(inner)
                elif _is_archive_name(name):
                    found.append(inner)
        return found


def is_bare(name: str) -> bool:
    """A driver or package without a pack around it."""
    return name.endswith(_BARE)


def _is_archive_name(name: str) -> bool:
    return name.lower().endswith(_ARCHIVES)


def file_system(path: Path, runner: Runner) -> str:
    """Type of the file system on a device or in an image file, as blkid calls it; empty for none."""
    return runner.run(["blkid", "-p", "-o", "value", "-s", "TYPE", str(path)], check=False).stdout.strip()


@contextmanager
def opened(path: Path, fstype: str, runner: Runner, limits: Limits) -> Iterator[Medium]:
    """The medium, for as long as the `with` lasts."""
    with tempfile.TemporaryDirectory(prefix="xeninstall-medium-") as place, ExitStack() as stack:
        options = "ro,nosuid,nodev,noexec" + ("" if path.is_block_device() else ",loop")
        with held():
            done = runner.run(["mount", "-t", fstype, "-o", options, str(path), place], check=False)
            if done.status == 0:
                stack.callback(partial(runner.run, ["umount", "--lazy", place], check=False))
        if done.status == 0:
            yield Medium(path, fstype, Path(place), runner, limits)
        elif fstype in ("vfat", "iso9660"):
            yield Medium(path, fstype, None, runner, limits)
        else:
            said = shown((done.stderr.strip().splitlines() or ["mount said nothing"])[-1])
            raise PackError(
                f"the {fstype} on {path} cannot be mounted: {said}", hint="put the pack onto a FAT stick, or make it a tar"
            )
