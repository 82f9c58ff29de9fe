"""A pack as a directory: copied, so that nobody changes it between the check and the use."""

import os
import stat
from collections.abc import Collection
from pathlib import Path

from .tree import Tree


def read_folder(folder: Path, tree: Tree, only: Collection[str] | None = None) -> None:
    """Copy into the tree; with `only`, just these names at the top: a stick may hold a pack beside photographs."""
    for path in sorted(folder.iterdir()):
        if only is None or path.name in only:
            _read(path, path.name, tree)


def _read(path: Path, name: str, tree: Tree) -> None:
    info = path.lstat()
    if stat.S_ISDIR(info.st_mode):
        tree.directory(name)
        for inner in sorted(path.iterdir()):
            _read(inner, f"{name}/{inner.name}", tree)
    elif not stat.S_ISREG(info.st_mode):
        tree.add(name, info.st_mode, lambda _size: b"")
    else:
        # O_NONBLOCK: whoever puts a pipe in the file's place now must not make us wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            tree.add(name, os.fstat(file.fileno()).st_mode, file.read)
