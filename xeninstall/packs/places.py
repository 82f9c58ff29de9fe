"""Where each file of a pack goes in a system, and copying it there: whole or not at all, and compared once more on the way."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from .errors import PackError
from .model import MANIFEST, SIGNATURE, Manifest, Pack

KEPT = "/var/lib/xeninstall/packs"  # what a host remembers of its packs
_BLOCK_BYTES = 2**20


def kept(manifest: Manifest) -> str:
    """The directory of a host with this pack's manifest, signature and record."""
    return f"{KEPT}/{manifest.name}"


def places(manifest: Manifest, *, debs: bool = True) -> dict[str, str]:
    """File of the pack → path in the system. Without `debs`: those that stay there."""
    # updates/ comes before the kernel's own, both in depmod's search (depmod.d(5)) and in the firmware loader's.
    tops = {
        "modules": f"/usr/lib/modules/{manifest.kernel}/updates/xeninstall/{manifest.name}",
        "firmware": "/usr/lib/firmware/updates",
        "templates": f"/var/lib/xeninstall/templates/{manifest.name}",
        "debs": f"{kept(manifest)}/debs",
    }
    split = [(path, *path.split("/", 1)) for path in sorted(manifest.files)]
    return {path: f"{tops[part]}/{rest}" for path, part, rest in split if debs or part != "debs"}


def copy_into(pack: Pack, at: Callable[[str], Path], made: list[Path]) -> None:
    """Copy every file; `at` says where a path of the system is now. What is new goes into `made`, also when it ends midway.

    Raises PackError for damage.
    """
    for path, place in places(pack.manifest).items():
        made += _copy(pack.place / path, at(place), pack.manifest.files[path], path)
    for name in (MANIFEST, SIGNATURE):
        if (pack.place / name).exists():
            made += _copy(pack.place / name, at(f"{kept(pack.manifest)}/{name}"), None, name)


def _copy(source: Path, place: Path, digest: str | None, name: str) -> list[Path]:
    new = not place.exists()
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(place.name + ".xeninstall-new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    found = hashlib.sha256()
    with source.open("rb") as file, os.fdopen(descriptor, "wb") as out:
        while block := file.read(_BLOCK_BYTES):
            found.update(block)
            out.write(block)
        os.fchmod(descriptor, 0o644)
    if digest is not None and found.hexdigest() != digest:
        temporary.unlink()
        raise PackError(f"{name} changed since the pack was read", hint="this machine's memory or disk loses data: check it")
    temporary.replace(place)
    return [place] if new else []
