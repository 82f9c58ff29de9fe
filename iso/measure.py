"""How big a tree is and what a file's digest is: the numbers that the installer plans with."""

import hashlib
import stat
from pathlib import Path

from .builder import every_path

_BLOCK_BYTES = 4096
# ext4 keeps the target of a link this short in the inode itself.
_INLINE_LINK_BYTES = 60


def unpacked_bytes(tree: Path) -> int:
    """Bytes that the tree takes in blocks of 4 KiB, hard links counted once; the same on whatever file system it lies."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in every_path(tree):
        status = path.lstat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        seen.add(identity)
        if stat.S_ISDIR(status.st_mode):
            total += _BLOCK_BYTES
        elif stat.S_ISREG(status.st_mode) or (stat.S_ISLNK(status.st_mode) and status.st_size >= _INLINE_LINK_BYTES):
            total += -(-status.st_size // _BLOCK_BYTES) * _BLOCK_BYTES
    return total


def inodes(tree: Path) -> int:
    """How many inodes the tree takes, itself included."""
    return len({(status.st_dev, status.st_ino) for status in (path.lstat() for path in every_path(tree))})


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
