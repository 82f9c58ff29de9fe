"""Making a pack: a directory's files become pack.toml, signature and archive; equal files give equal bytes."""

import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner

from .bare import digests_of
from .errors import PackError
from .keys import sign
from .medium import is_bare
from .model import MANIFEST, SIGNATURE, Kind, Manifest
from .module import kernel_of
from .names import PARTS

FORMS = (".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".iso")


@dataclass(frozen=True)
class Wanted:
    """What the new pack is called, and for what it is."""

    name: str
    version: str
    kind: Kind
    kernel: str | None = None  # by default what the modules say
    description: str = ""
    load: tuple[str, ...] | None = None


def build(folder: Path, out: Path, wanted: Wanted, key: Path | None, runner: Runner) -> Manifest:
    """Make the pack; `out` is a new directory, or a file whose ending says its form. Raises PackError or UsageError."""
    if out.exists():
        raise UsageError(f"{out} exists", hint="remove it, or name another output")
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no directory", hint="name the directory that holds modules/, firmware/, debs/ or templates/"
        )
    if (
        out.suffix
        and not out.name.endswith(FORMS)
        and any(out.name.endswith(end) for end in (".zip", ".gz", ".xz", ".zst", ".7z"))
    ):
        raise UsageError(f"{out.name} is of no form that a pack has", hint=f"end it in {', '.join(FORMS)}, or name a directory")
    with tempfile.TemporaryDirectory(prefix=".xeninstall-pack-", dir=out.absolute().parent) as place:
        tree = Path(place) / "tree"
        tree.mkdir()
        _collect(folder, tree)
        manifest = _manifest(tree, wanted, runner)
        (tree / MANIFEST).write_text(manifest.text(), encoding="utf-8")
        if key is not None:
            sign(tree / MANIFEST, key, runner)
        for path in [tree, *tree.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        made = Path(place) / "made"
        _write(tree, made, out.name, manifest, runner)
        made.rename(out)
    return manifest


def _collect(folder: Path, tree: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.name in (MANIFEST, SIGNATURE):
            continue  # made anew
        if path.name in PARTS and path.is_dir():
            _copy(path, tree / path.name, folder)
        elif path.is_file() and is_bare(path.name):
            part = "debs" if path.suffix == ".deb" else "modules"
            _copy(path, tree / part / path.name, folder)
        else:
            tops = ", ".join(f"{part}/" for part in PARTS)
            raise PackError(f"{path} does not belong into a pack", hint=f"a pack holds {tops}, or .ko and .deb files")


def _copy(path: Path, to: Path, top: Path) -> None:
    # Firmware is full of links; a pack holds what they lead to, so that nothing can lead out of it.
    real = path.resolve()
    if not real.is_relative_to(top.resolve()):
        raise PackError(f"{path} leads out of {top}", hint="put the file itself there")
    mode = real.stat().st_mode
    if stat.S_ISDIR(mode):
        for inner in sorted(real.iterdir()):
            _copy(inner, to / inner.name, top)
    elif stat.S_ISREG(mode):
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real, to)
    else:
        raise PackError(f"{path} is neither a file nor a directory", hint="a pack holds plain files only")


def _manifest(tree: Path, wanted: Wanted, runner: Runner) -> Manifest:
    kernels = {kernel_of(path, runner): path.name for path in sorted(tree.glob("modules/**/*")) if path.is_file()}
    odd = {kernel: name for kernel, name in kernels.items() if kernel != (wanted.kernel or next(iter(kernels)))}
    if odd:
        kernel, name = next(iter(odd.items()))
        raise PackError(
            f"{name} was built for the kernel {kernel}, not for {wanted.kernel or next(iter(kernels))}", hint="build it anew"
        )
    try:
        return Manifest(
            name=wanted.name,
            version=wanted.version,
            kind=wanted.kind,
            kernel=wanted.kernel or next(iter(kernels), None),
            description=wanted.description,
            load=wanted.load,
            files=digests_of(tree),
        )
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{f'{key}: ' if key else ''}{first['msg']}", hint="see the pack's rules in xeninstall(8)") from None


def _write(tree: Path, made: Path, name: str, manifest: Manifest, runner: Runner) -> None:
    if name.endswith(".iso"):
        stamp = "2026010100000000"  # the same in every volume, so that equal files give equal bytes
        epoch = ["--set_all_file_dates", stamp, f"--modification-date={stamp}"]
        argv = [
            "xorriso",
            "-as",
            "mkisofs",
            "-quiet",
            "-R",
            "-J",
            "-V",
            manifest.name[:32].upper(),
            *epoch,
            "-o",
            str(made),
            str(tree),
        ]
        runner.run(argv)
    elif name.endswith(".tar.zst"):
        plain = made.with_name("plain.tar")
        with plain.open("wb") as file:
            _tar(tree, file)
        runner.run(["zstd", "--quiet", "-19", "-o", str(made), str(plain)])
    elif name.endswith(FORMS):
        with _compressed(made, name) as file:
            _tar(tree, file)
    else:
        tree.rename(made)


@contextmanager
def _compressed(path: Path, name: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as raw:
        if name.endswith(".gz"):
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                yield packed  # type: ignore[misc]
        elif name.endswith(".xz"):
            with lzma.open(raw, "wb") as packed_xz:
                yield packed_xz
        else:
            yield raw


def _tar(tree: Path, file: IO[bytes]) -> None:
    # pack.toml first: whoever reads the stream knows at once what comes.
    tops = sorted(tree.iterdir(), key=lambda path: (not path.name.startswith(MANIFEST), path.name))
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for top in tops:
            for path in [top, *sorted(top.rglob("*"))]:
                tar.add(path, str(path.relative_to(tree)), recursive=False, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    return member
