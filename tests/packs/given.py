"""Packs to begin with: a module that says for which kernel it is, archives of any content, keys, and a real runner."""

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from xeninstall.base.errors import Error
from xeninstall.base.events import Event
from xeninstall.base.run import SystemRunner
from xeninstall.packs.keys import Key, keys_in, sign
from xeninstall.packs.model import MANIFEST, Kind, Manifest, Pack
from xeninstall.packs.read import read
from xeninstall.packs.tree import Limits
from xeninstall.packs.verify import verify

KERNEL = "6.12.57+deb13-amd64"
RUNNER = SystemRunner()


def module(kernel: str = KERNEL) -> bytes:
    """As much of a kernel module as says what it is."""
    return b"\x7fELF...\0license=GPL\0depends=\0vermagic=" + kernel.encode() + b" SMP preempt mod_unload modversions \0"


FILES: dict[str, bytes] = {"modules/raid.ko": module(), "firmware/acme/raid.bin": b"firmware", "templates/small.toml": b"x = 1\n"}


def manifest(files: Mapping[str, bytes] = FILES, **changes: object) -> Manifest:
    """The manifest that fits these files."""
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    given: dict[str, object] = {"name": "acme-raid", "version": "1.2", "kind": Kind.DRIVER, "kernel": KERNEL, "files": digests}
    return Manifest.model_validate(given | changes)


def folder(place: Path, files: Mapping[str, bytes] = FILES, text: str | None = None, key: Path | None = None) -> Path:
    """A pack as a directory; `text` takes the place of its right pack.toml."""
    for path, data in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    place.mkdir(exist_ok=True)
    (place / MANIFEST).write_text(manifest(files).text() if text is None else text)
    if key is not None:
        sign(place / MANIFEST, key, RUNNER)
    return place


def new_key(place: Path, name: str = "key") -> tuple[Path, Key]:
    """A new key: its private file, and its public half."""
    path = place / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "Acme packs", "-f", path], check=True)
    return path, keys_in(path.with_name(f"{name}.pub"))[0]


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    """An archive of exactly these members."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, to: str = "") -> tarfile.TarInfo:
    """A member of an archive, of any kind."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, to
    return info


def silent(event: Event) -> None:
    """Nobody listens."""


def pack_in(source: Path | str, place: Path, keys: tuple[Key, ...] = ()) -> Pack:
    """Read and check, and forget again."""
    place.mkdir(exist_ok=True)
    with read(str(source), RUNNER, silent, place) as tree:
        return verify(tree, str(source), keys, RUNNER)


def refusal(source: Path | str, place: Path, limits: Limits | None = None) -> str:
    """How a source is refused: message and hint, as the command line says it. Nothing of it stays in `place`."""
    place.mkdir(exist_ok=True)
    with pytest.raises(Error) as caught, read(str(source), RUNNER, silent, place, limits) as tree:
        verify(tree, str(source), (), RUNNER)
    assert not list(place.iterdir()), "what was read of it is gone"
    return f"{caught.value.message} -> {caught.value.hint}"
