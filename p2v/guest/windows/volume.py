"""A Windows volume: its files by ntfs-3g, found whatever their case, and whether Windows has really left it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xeninstall.base.run import CommandError, Runner

from ..apply import RepairError
from ..tree import Kind, RootTree
from .model import CopyIn

# The first bytes of hiberfil.sys while a system waits in it (PO_MEMORY_IMAGE: `hibr`, `wake`, `RSTR`, in either case).
_WAITING = (b"hibr", b"rstr", b"wake")
_MAX_FILE_BYTES = 512 << 20
_HINT = "start it, shut it down with: shutdown /s /f /t 0, and convert it then"


class WindowsVolume:
    """A mounted volume."""

    def __init__(self, tree: RootTree) -> None:
        self.tree = tree

    def find(self, path: str) -> str | None:
        """The path as it is written on the volume, without a leading slash; None when there is none."""
        place = ""
        for part in path.split("/"):
            found = next((name for name in self.tree.names(f"/{place}") if name.lower() == part.lower()), None)
            if found is None:
                return None
            place = f"{place}/{found}".lstrip("/")
        return place

    def read(self, path: str) -> bytes | None:
        """A file's bytes. Raises RepairError for one that is larger than any that is asked for."""
        place = self.find(path)
        if place is None or self.tree.kind(f"/{place}") is not Kind.FILE:
            return None
        fd = self.tree.open(f"/{place}", os.O_RDONLY)
        with os.fdopen(fd, "rb") as file:
            if os.fstat(fd).st_size > _MAX_FILE_BYTES:
                raise RepairError(
                    f"{path} of the Windows system is larger than {_MAX_FILE_BYTES >> 20} MiB",
                    hint="look at it: it should be small",
                )
            return file.read()

    @property
    def hibernated(self) -> bool:
        """Whether a system waits in hiberfil.sys, be it after hibernation or after a fast start-up's half shutdown."""
        place = self.find("hiberfil.sys")
        if place is None or self.tree.kind(f"/{place}") is not Kind.FILE:
            return False
        return (self.tree.read(f"/{place}", 4) or b"").lower() in _WAITING

    def write(self, change: CopyIn) -> None:
        """A file onto the volume; one that is there is kept beside it. Raises RepairError."""
        *folders, name = change.path.split("/")
        try:
            place = ""
            for part in folders:
                place = self._beside(place, part)
            self.tree.make_folders(f"/{place}")
            target = f"/{self._beside(place, name)}"
            if self.tree.link(target) is not None or self.tree.kind(target) not in (None, Kind.FILE):
                raise RepairError(
                    f"{change.path} cannot be written on the Windows volume: it is there, and is no file",
                    hint="look at it, and remove it by hand",
                )
            self._keep(target)
            fd = self.tree.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            with os.fdopen(fd, "wb") as file:
                file.write(change.data)
        except OSError as error:
            raise RepairError(
                f"{change.path} cannot be written on the Windows volume: {error.strerror}",
                hint="see that it has room, or convert without --repair",
            ) from None

    def _beside(self, folder: str, name: str) -> str:
        """The path of what is in a folder, as it is written there, or as it is to be."""
        path = f"{folder}/{name}".lstrip("/")
        return self.find(path) or path

    def _keep(self, target: str) -> None:
        data = self.read(target.lstrip("/"))
        if data is None:
            return
        with suppress(FileExistsError):
            fd = self.tree.open(f"{target}.before-p2v", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(fd, "wb") as file:
                file.write(data)


def _leave_hibernation(volume: WindowsVolume, drop: bool) -> None:
    if not drop:
        raise RepairError(
            "the Windows system hibernates, or was shut down by a fast start-up", hint=f"{_HINT}; or give --drop-hibernation"
        )
    # Windows makes the file again when it wants one.
    volume.tree.unlink(f"/{volume.find('hiberfil.sys')}")


@contextmanager
def mounted(
    device: str, folder: Path, runner: Runner, *, writable: bool = False, drop_hibernation: bool = False
) -> Iterator[WindowsVolume]:
    """The volume on a device. Raises RepairError, also when it is to be written and Windows has not really left it."""
    options = ["rw" if writable else "ro", "norecover", "nodev", "nosuid", "noexec", "streams_interface=none"]
    options += ["remove_hiberfile"] if drop_hibernation and writable else []
    try:
        runner.run(["ntfs-3g", "-o", ",".join(options), device, str(folder)])
    except CommandError as error:
        if "unclean" in error.said.lower() or "inconsistent" in error.said.lower():
            raise RepairError("the Windows system was not shut down", hint=_HINT) from None
        raise RepairError(f"the Windows volume cannot be opened: {error.said.splitlines()[0][:200]}", hint=_HINT) from None
    tree = RootTree(folder)
    try:
        volume = WindowsVolume(tree)
        if writable and volume.hibernated:
            _leave_hibernation(volume, drop_hibernation)
        yield volume
    finally:
        tree.close()
        runner.run(["umount", str(folder)])
