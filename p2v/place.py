"""The folder that images go to: one that is there, one of a disk that is mounted for it, or one that a server exports.

What is mounted lies at one place as long as this machine runs, so that a stopped conversion finds its images again.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Runner

_MOUNTED = Path("/run/p2v/target")
_TOKENS = ("LABEL=", "UUID=")


@dataclass(frozen=True)
class Mount:
    """What is mounted: its type (empty: whatever the kernel finds), what, and the folder within."""

    fstype: str
    source: str
    folder: str


def is_folder(target: str) -> bool:
    """Whether it is a folder of some kind, and no host."""
    return target.startswith(("/", *_TOKENS, "nfs://"))


def mount_of(target: str) -> Mount | None:
    """What has to be mounted for it; None for a folder that is there. Raises UsageError."""
    if target.startswith("/"):
        return None
    if target.startswith("nfs://"):
        place = urlsplit(target)
        if not place.hostname or place.path in ("", "/"):
            raise UsageError(f"{target} names no folder of a server", hint="write it like nfs://server/export/machines")
        host = f"[{place.hostname}]" if ":" in place.hostname else place.hostname
        return Mount("nfs", f"{host}:{unquote(place.path)}", "")
    token, sign, rest = target.partition("=")
    if f"{token}{sign}" not in _TOKENS:
        raise UsageError(
            f"{target} is no place that p2v writes to", hint="name a folder, LABEL=NAME:/folder or nfs://server/path"
        )
    name, _, folder = rest.partition(":")
    return Mount("", f"{token}={name}", folder.strip("/"))


@contextmanager
def folder_of(target: str, runner: Runner, mounted: Path = _MOUNTED) -> Iterator[Path]:
    """The folder, which is made where it is missing; what was mounted for it is unmounted at the end. Raises Error."""
    mount = mount_of(target)
    if mount is None:
        yield _made(Path(target))
        return
    place = mounted / hashlib.sha256(mount.source.encode()).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True)
    if not os.path.ismount(place):
        options = "nosuid,nodev,noexec"
        kind = ["-t", mount.fstype] if mount.fstype else []
        done = runner.run(["mount", *kind, "-o", options, mount.source, str(place)], check=False)
        if done.status != 0:
            said = (done.stderr.strip().splitlines() or ["mount said nothing"])[-1][-200:]
            raise Error(
                f"{mount.source} cannot be mounted: {said}", hint="see that it is attached, or reachable, and its name right"
            )
    try:
        yield _made(place / mount.folder)
    finally:
        runner.run(["umount", str(place)], check=False)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Error(f"the folder {folder} cannot be made: {error.strerror}", hint="name another") from None
    if not os.access(folder, os.W_OK) or not _writable(folder):
        raise Error(f"the folder {folder} cannot be written to", hint="name another, or mount it for writing")
    return folder


def _writable(folder: Path) -> bool:
    # Root may write anywhere by its rights; a file system that is mounted read-only says no all the same.
    return not os.statvfs(folder).f_flag & os.ST_RDONLY
