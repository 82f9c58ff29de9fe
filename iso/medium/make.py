"""The medium's stages in order, from a current host image: parts of Debian, live layer, tree, then ISO or netboot directory."""

import json
import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from iso.builder import Build, BuildError, every_path
from iso.inputs import DESCRIPTION, IMAGE, base_tree, builder_files, digest, product_files
from iso.measure import sha256
from xeninstall.base.sizes import format_duration, format_size

from . import image, netboot, tree
from .layer import LAYER, pack_layer
from .parts import Parts, make_parts, parts_of

T = TypeVar("T")
ISO, NETBOOT = "xeninstall.iso", "netboot"
PACKAGES = "xeninstall.packages"
_INPUTS = "medium.inputs"


def make_iso(build: Build, *, force: bool = False) -> bool:
    """Build/xeninstall.iso with its sums and package list; returns False when nothing had to be done. Raises Error."""
    return _make(build, ISO, _iso, force=force)


def make_netboot(build: Build, *, force: bool = False) -> bool:
    """The directory for a web server; returns False when nothing had to be done. Raises Error."""
    return _make(build, NETBOOT, netboot.assemble, force=force)


def _make(build: Build, name: str, assemble: Callable[[Path, Path, Parts, Build], None], *, force: bool) -> bool:
    wanted = digest(build.source, [*builder_files(build.source), *product_files(build.source), *_files(build.source)])
    # The system image can be another from the same sources: its packages are of the day it was built.
    wanted += sha256(build.output / DESCRIPTION)
    recorded = _recorded(build.output)
    if not force and recorded.get(name) == wanted and (build.output / name).exists():
        return False
    parts = parts_of(build)
    base = base_tree(build.output, build.source)
    if not base.is_dir():
        raise BuildError("Debian's tree that the medium is made from is not kept any more", hint="build it again with --force")
    shutil.rmtree(build.work, ignore_errors=True)
    build.work.mkdir(mode=0o700)
    try:
        if force or not parts.place.is_dir():
            _timed(build, "parts of Debian", lambda: make_parts(build, base, parts))
        layer = _timed(build, "live layer", lambda: pack_layer(build, base, parts))
        whole = build.work / "medium"
        _timed(build, "files of the medium", lambda: _fill(build, parts, layer, whole))
        _timed(build, name, lambda: assemble(whole, build.output / name, parts, build))
        recorded[name] = wanted
        (build.output / _INPUTS).write_text(json.dumps(recorded) + "\n", encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{error.filename or build.output}: {error.strerror}", hint="mend that and run it again") from error
    finally:
        shutil.rmtree(build.work, ignore_errors=True)
    return True


def _timed(build: Build, title: str, stage: Callable[[], T]) -> T:
    started = time.monotonic()
    build.say(f"{title} …")
    made = stage()
    build.say(f"{title}: {format_duration(time.monotonic() - started)}")
    return made


def _recorded(output: Path) -> dict[str, str]:
    try:
        found = json.loads((output / _INPUTS).read_bytes())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _files(source: Path) -> list[Path]:
    return sorted(
        path
        for folder in ("medium", "live", "boot")
        for path in (source / "iso" / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def _fill(build: Build, parts: Parts, layer: Path, whole: Path) -> None:
    described = json.loads((build.output / DESCRIPTION).read_bytes())
    live = {
        "system.squashfs": build.output / IMAGE,
        "system.json": build.output / DESCRIPTION,
        LAYER: layer,
        "vmlinuz": parts.boot / "vmlinuz",
        "initrd.img": parts.boot / "initrd.img",
    }
    version = tomllib.loads((build.source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    packages = described["packages"] | installed((parts.layer / "var/lib/dpkg/status").read_text(encoding="utf-8"))
    listed = "".join(f"{name} {package}\n" for name, package in sorted(packages.items()))
    tree.fill(whole, build.source, parts.boot, live, listed, version)
    tree.seal(whole)


def installed(status: str) -> dict[str, str]:
    """Name and version of each package in dpkg's status file."""
    found = {}
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return found


def _iso(whole: Path, target: Path, parts: Parts, build: Build) -> None:
    made = build.work / ISO
    image.assemble(whole, made, build.work, build.runner)
    shutil.copyfile(whole / "live/packages.txt", build.output / PACKAGES)
    _say_sizes(build, whole, made)
    publish(made, target)


def publish(made: Path, target: Path) -> None:
    """Put a whole image in the place of an older one, with its sum beside it."""
    made.chmod(0o644)
    listed = target.parent / tree.SUMS
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    others = [line for line in lines if not line.endswith(f"  {target.name}")]
    listed.write_text("\n".join([*others, f"{sha256(made)}  {target.name}"]) + "\n", encoding="utf-8")
    made.rename(target)


def _say_sizes(build: Build, whole: Path, made: Path) -> None:
    sizes = sorted((path.stat().st_size, str(path.relative_to(whole))) for path in every_path(whole) if path.is_file())
    for size_bytes, name in reversed(sizes[-4:]):
        build.say(f"  {format_size(size_bytes):>9}  {name}")
    rest_bytes = made.stat().st_size - sum(size_bytes for size_bytes, _ in sizes[-4:])
    build.say(f"  {format_size(rest_bytes):>9}  boot code of both firmwares, and the rest")
