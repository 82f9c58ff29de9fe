"""What is on an image: its partitions as devices, its files as a manifest that two installations can be compared by."""

import hashlib
import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# What differs between equal installations, and why. Everything else is compared.
DIFFERS = {
    "/var/log/xeninstall/install.log": "says when each command ran, and a resumed run has more of them",
    "/var/log/xeninstall/plan.txt": "names the image file",
}


@dataclass(frozen=True)
class Partition:
    """A partition as sfdisk reads it back; offsets in bytes."""

    number: int
    start_bytes: int
    size_bytes: int
    type: str
    uuid: str
    name: str


def partitions(image: Path) -> list[Partition]:
    """The partition table of an image."""
    out = subprocess.run(["sfdisk", "--json", image], capture_output=True, text=True, check=True).stdout
    table = json.loads(out)["partitiontable"]
    sector = table.get("sectorsize", 512)
    return [
        Partition(number, node["start"] * sector, node["size"] * sector, node["type"], node["uuid"].lower(), node.get("name", ""))
        for number, node in enumerate(table["partitions"], 1)
    ]


@contextmanager
def span(image: Path, start_bytes: int, size_bytes: int) -> Iterator[str]:
    """A loop device for a part of an image, read-only."""
    argv = ["losetup", "--find", "--show", "--read-only", "--offset", str(start_bytes), "--sizelimit", str(size_bytes)]
    node = subprocess.run([*argv, image], capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield node
    finally:
        subprocess.run(["losetup", "--detach", node], check=True)


@contextmanager
def device(image: Path, number: int) -> Iterator[str]:
    """The same for a partition."""
    part = partitions(image)[number - 1]
    with span(image, part.start_bytes, part.size_bytes) as node:
        yield node


@contextmanager
def mounted(image: Path, number: int = 3) -> Iterator[Path]:
    """A partition's file system, read-only; by default the root."""
    with device(image, number) as node, tempfile.TemporaryDirectory(prefix="xeninstall-tree-") as place:
        subprocess.run(["mount", "-o", "ro,noload", node, place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def esp_files(image: Path, into: Path) -> dict[str, bytes]:
    """Every file of the EFI system partition, by path."""
    into.mkdir()
    start = partitions(image)[1].start_bytes
    subprocess.run(["mcopy", "-s", "-n", "-i", f"{image}@@{start}", "::/", into], check=True, capture_output=True)
    return {str(path.relative_to(into)): path.read_bytes() for path in sorted(into.rglob("*")) if path.is_file()}


def manifest(image: Path) -> dict[str, tuple[object, ...]]:
    """Every path of the root: type and mode, owner, size, sha256 or link or device number, extended attributes."""
    with mounted(image) as root:
        found = {"/" + str(path.relative_to(root)): _line(path) for path in sorted(_walk(root))}
    return {path: line for path, line in found.items() if path not in DIFFERS}


def _walk(top: Path) -> Iterator[Path]:
    for entry in os.scandir(top):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _line(path: Path) -> tuple[object, ...]:
    info = path.lstat()
    content: object = ""
    if stat.S_ISREG(info.st_mode):
        with path.open("rb") as file:
            content = (info.st_size, hashlib.file_digest(file, "sha256").hexdigest())
    elif stat.S_ISLNK(info.st_mode):
        content = str(path.readlink())
    elif stat.S_ISBLK(info.st_mode) or stat.S_ISCHR(info.st_mode):
        content = info.st_rdev
    extended = tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False))
    return oct(info.st_mode), info.st_uid, info.st_gid, content, extended


def differences(one: dict[str, tuple[object, ...]], other: dict[str, tuple[object, ...]]) -> list[str]:
    """Paths on which two manifests disagree, with both sides: empty for equal trees."""
    paths = sorted(one.keys() | other.keys())
    return [f"{path}: {one.get(path)} != {other.get(path)}" for path in paths if one.get(path) != other.get(path)]
