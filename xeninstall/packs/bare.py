"""A bare directory of .ko and .deb files, which becomes a pack that nobody signed."""

import hashlib
import re
from pathlib import Path

from xeninstall.base.run import Runner

from .errors import PackError
from .medium import is_bare
from .model import MANIFEST, Kind, Manifest
from .module import kernel_of


def as_pack(tree: Path, called: str, runner: Runner) -> None:
    """Give a tree without pack.toml one: its files go to modules/ and debs/. Raises PackError for anything else in it."""
    strange = [path for path in sorted(tree.iterdir()) if not (path.is_file() and is_bare(path.name))]
    if strange or not any(tree.iterdir()):
        what = f"it has no {MANIFEST}, and holds {strange[0].name}" if strange else "it is empty"
        raise PackError(
            f"this is no pack: {what}", hint="a pack has a pack.toml at its top, or is a directory of .ko and .deb files"
        )
    for path in list(tree.iterdir()):
        part = tree / ("debs" if path.suffix == ".deb" else "modules")
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    kernels = {kernel_of(path, runner): path.name for path in sorted(tree.glob("modules/*"))}
    if len(kernels) > 1:
        listed = " and ".join(f"{name} for {kernel}" for kernel, name in sorted(kernels.items())[:2])
        raise PackError(f"its modules are for different kernels: {listed}", hint="keep those of one kernel together")
    digests = digests_of(tree)
    version = hashlib.sha256("".join(f"{path}{digest}" for path, digest in sorted(digests.items())).encode()).hexdigest()[:12]
    manifest = Manifest(
        name=plain_name(called), version=f"0~{version}", kind=Kind.DRIVER, kernel=next(iter(kernels), None), files=digests
    )
    (tree / MANIFEST).write_text(manifest.text(), encoding="utf-8")


def plain_name(text: str) -> str:
    """A pack's name out of a file's: lower case letters, digits and hyphens."""
    stem = re.sub(r"\.(tar|tgz|txz|iso|img|gz|xz|zst)\b.*$", "", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40] or "bare"


def digests_of(tree: Path) -> dict[str, str]:
    """sha256 of every file below a tree, by path."""
    files = [path for path in sorted(tree.rglob("*")) if path.is_file()]
    return {str(path.relative_to(tree)): digest_of(path) for path in files}


def digest_of(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
