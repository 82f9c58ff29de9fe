"""Folders of Windows driver packages, such as one of virtio-win's: each .inf with what is beside it."""

import re
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import MIB, format_size

from .guest.windows.model import Package

_NAME = re.compile(r"[\w][\w.-]{0,60}")
_FILES = (".inf", ".sys", ".cat", ".dll", ".exe")
_MOST_BYTES = 256 * MIB


def packages(folders: Sequence[str]) -> tuple[Package, ...]:
    """All packages in these folders and those below them. Raises UsageError."""
    found: dict[str, Package] = {}
    for folder in folders:
        _add(folder, found)
    return tuple(found.values())


def _add(folder: str, found: dict[str, Package]) -> None:
    place, total, before = Path(folder), 0, len(found)
    if not place.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="name one that holds .inf files, unpacked")
    for inf in sorted(place.rglob("*.inf")):
        files: dict[str, bytes] = {}
        for file in sorted(inf.parent.iterdir()):
            if not file.is_file() or file.suffix.lower() not in _FILES or not _NAME.fullmatch(file.name):
                continue
            total += file.stat().st_size
            if total > _MOST_BYTES:
                raise UsageError(
                    f"{folder} holds more than {format_size(_MOST_BYTES)}", hint="leave only what this Windows needs"
                )
            files[file.name] = file.read_bytes()
        if inf.name in found:
            raise UsageError(
                f"{inf.name} is there twice, once below {folder}", hint="name the folder of one version and architecture"
            )
        if inf.name in files:
            raw = files[inf.name]
            text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
            found[inf.name] = Package(inf.name, text, files)
    if len(found) == before:
        raise UsageError(f"{folder} holds no driver package", hint="name a folder that holds .inf files, unpacked")
