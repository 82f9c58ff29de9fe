"""Files of the host that is being installed: written, linked and removed below its root, never outside of it."""

import os
import shutil
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.plan.model import MakeLink, Remove, WriteFile


def inside(root: Path, path: str) -> Path:
    """Where `path` of the host lies below `root`. Links on the way are followed as the host itself would follow them:
    an absolute one starts again at the root, and no number of `..` leads above it. The last component is not followed.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    here: list[str] = []
    followed = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            here = here[:-1]
            continue
        place = root.joinpath(*here, part)
        if parts and place.is_symlink():
            followed += 1
            if followed > 40:
                raise Error(f"{path}: too many symbolic links in the system image", hint="build the system image again")
            to = str(place.readlink())
            here = [] if to.startswith("/") else here
            parts = [piece for piece in to.split("/") if piece not in ("", ".")] + parts
            continue
        here.append(part)
    return root.joinpath(*here)


def carry_out(root: Path, action: WriteFile | MakeLink | Remove) -> None:
    """One file's change."""
    match action:
        case WriteFile():
            write_file(root, action)
        case MakeLink():
            make_link(root, action)
        case Remove():
            remove(root, action)


def write_file(root: Path, action: WriteFile) -> None:
    """Write a text with its mode, whole or not at all; directories get 0755, below /root 0700."""
    place = inside(root, action.path)
    _make_directories(root, place.parent, 0o700 if action.path.startswith("/root/") else 0o755)
    temporary = place.with_name(place.name + ".xeninstall-new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(action.text.encode())
        os.fchmod(descriptor, action.mode)
    temporary.replace(place)


def make_link(root: Path, action: MakeLink) -> None:
    """Make a symbolic link, in place of whatever file or link was there."""
    place = inside(root, action.path)
    _make_directories(root, place.parent, 0o755)
    place.unlink(missing_ok=True)
    place.symlink_to(action.to)


def remove(root: Path, action: Remove) -> None:
    """Remove a file, a link or a whole directory; what is not there is fine."""
    place = inside(root, action.path)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _make_directories(root: Path, directory: Path, mode: int) -> None:
    missing = []
    while not directory.is_dir() and directory != root:
        missing.append(directory)
        directory = directory.parent
    for new in reversed(missing):
        new.mkdir()
        new.chmod(mode)
