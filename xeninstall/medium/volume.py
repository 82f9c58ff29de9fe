"""Single files out of somebody's file system, which is only read: mounted where this kernel can, else by mtools (FAT) or
debugfs (ext), so that a USB stick is readable on every kernel.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from xeninstall.apply.host_files import inside
from xeninstall.apply.target import unmount
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.interruption import held
from xeninstall.base.run import Runner

# No answer file, script or password is larger.
LIMIT_BYTES = 2**20
# Of a folder, such as one with drivers: it is kept in memory.
FOLDER_LIMIT_BYTES = 256 * 2**20


class Volume(Protocol):
    """An opened file system."""

    def read(self, path: str) -> bytes | None:
        """A regular file's content; None when there is none at this path. Raises UsageError when it is too large."""

    def copy_folder(self, path: str, to: Path) -> None:
        """The regular files in and below a folder; nothing where there is none. Raises UsageError when they are too large."""


def with_label(label: str, runner: Runner) -> list[str]:
    """Devices whose file system, or whose partition, carries this label."""
    runner.run(["udevadm", "settle", "--timeout=10"], check=False)
    found: dict[str, None] = {}
    for token in (f"LABEL={label}", f"PARTLABEL={label}"):
        argv = ["blkid", "--cache-file", "/dev/null", "--match-token", token, "--output", "device"]
        found |= dict.fromkeys(runner.run(argv, check=False).stdout.split())
    return list(found)


@contextmanager
def opened(node: str, runner: Runner) -> Iterator[Volume]:
    """Open the file system on a device. Raises Error when neither the kernel nor a program can read it."""
    fstype = runner.run(["blkid", "--probe", "--match-tag", "TYPE", "--output", "value", node], check=False).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="xeninstall-volume-") as scratch, ExitStack() as stack:
        point = Path(scratch) / "mounted"
        point.mkdir()
        # noload: a journal is not replayed, since that would write.
        options = "ro,nosuid,nodev,noexec" + (",noload" if fstype in ("ext3", "ext4") else "")
        with held():
            if mounted := runner.run(["mount", "-o", options, node, str(point)], check=False).status == 0:
                stack.callback(unmount, point, runner)
        if mounted:
            yield _Mounted(point)
        elif fstype == "vfat":
            yield _Fat(node, Path(scratch) / "file", runner)
        elif fstype in ("ext2", "ext3", "ext4"):
            yield _Ext(node, Path(scratch) / "file", runner)
        else:
            hint = "use FAT, ext4 or ISO 9660"
            raise Error(f"{node} cannot be read: {fstype or 'no file system'} is not known to this kernel", hint=hint)


class _Mounted:
    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        place = inside(self._root, path)
        # Not a link: whatever it points to is this system's, not the stick's.
        if not place.exists() or not stat.S_ISREG(place.lstat().st_mode):
            return None
        with place.open("rb") as file:
            return _bounded(file.read(LIMIT_BYTES + 1), path)

    def copy_folder(self, path: str, to: Path) -> None:
        place = inside(self._root, path)
        if not place.exists() or not stat.S_ISDIR(place.lstat().st_mode):
            return
        left = FOLDER_LIMIT_BYTES
        for folder, _, names in os.walk(place):
            for name in names:
                file = Path(folder) / name
                if not stat.S_ISREG(file.lstat().st_mode):
                    continue
                left -= file.stat().st_size
                if left < 0:
                    raise _too_large(path)
                kept = to / file.relative_to(place)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, kept)


class _Copied:
    """A program copies the file out; the kernel ends it when it writes more than we want."""

    def __init__(self, node: str, out: Path, runner: Runner) -> None:
        self._node, self._out, self._runner = node, out, runner

    def read(self, path: str) -> bytes | None:
        self._out.unlink(missing_ok=True)
        if any(char in path for char in '"\n\r\0'):
            return None
        done = self._runner.run(["prlimit", f"--fsize={LIMIT_BYTES + 1}", *self._argv(path)], check=False)
        if not self._out.is_file():
            return None
        if done.status != 0 and self._out.stat().st_size <= LIMIT_BYTES:
            raise Error(f"{path} on {self._node} cannot be read: {done.stderr.strip()[-200:]}", hint="check the medium")
        return _bounded(self._out.read_bytes(), path)

    def copy_folder(self, path: str, to: Path) -> None:
        if any(char in path for char in '"\n\r\0'):
            return
        with tempfile.TemporaryDirectory(dir=self._out.parent) as scratch:
            limit = f"--fsize={FOLDER_LIMIT_BYTES}"
            self._runner.run(["prlimit", limit, *self._folder_argv(path, scratch)], check=False)
            # What a folder is called has no part in what it holds.
            _Mounted(Path(scratch)).copy_folder(path.rpartition("/")[2], to)

    def _argv(self, path: str) -> list[str]:
        raise NotImplementedError

    def _folder_argv(self, path: str, into: str) -> list[str]:
        raise NotImplementedError


class _Fat(_Copied):
    def _argv(self, path: str) -> list[str]:
        return ["mcopy", "-n", "-i", self._node, f"::{path}", str(self._out)]

    def _folder_argv(self, path: str, into: str) -> list[str]:
        return ["mcopy", "-s", "-n", "-i", self._node, f"::{path}", into]


class _Ext(_Copied):
    def read(self, path: str) -> bytes | None:
        # A link's or a directory's bytes would pass for a file's.
        if any(char in path for char in '"\n\r\0'):
            return None
        told = self._runner.run(["debugfs", "-R", f'stat "{path}"', self._node], check=False).stdout
        return super().read(path) if "Type: regular" in told else None

    def _argv(self, path: str) -> list[str]:
        return ["debugfs", "-R", f'dump "{path}" "{self._out}"', self._node]

    def _folder_argv(self, path: str, into: str) -> list[str]:
        return ["debugfs", "-R", f'rdump "{path}" "{into}"', self._node]


def _too_large(path: str) -> UsageError:
    most = FOLDER_LIMIT_BYTES // 2**20
    return UsageError(f"{path} holds more than {most} MiB", hint="leave only what is needed in it")


def _bounded(data: bytes, path: str) -> bytes:
    if len(data) > LIMIT_BYTES:
        raise UsageError(f"{path} is larger than 1 MiB, which no answer file is", hint="give the right file")
    return data
