"""The live layer: the medium's packages, the files of iso/live over them, and what the host has and the medium switches off."""

import re
import shutil
from pathlib import Path

from iso.builder import Build, every_path
from iso.contained import inside, watch
from iso.lists import read_packages
from iso.normalise import normalise_tree
from iso.pack import SQUASHFS

from .parts import HERE, Parts

LAYER = "live.squashfs"
_LIVE = Path("iso/live")
_UNITS = "systemd/system/"


def pack_layer(build: Build, base: Path, parts: Parts) -> Path:
    """Write live.squashfs into the work directory and return it."""
    tree, out = build.work / "layer", build.work / "packed"
    build.runner.run(["cp", "-a", "--reflink=auto", str(parts.layer), str(tree)])
    lay_files(build.source, tree)
    normalise_tree(tree)
    out.mkdir()
    argv = ["mksquashfs", "/run/layer", f"/run/out/{LAYER}", *SQUASHFS]
    watch(build.runner, inside(base, argv, {"layer": tree, "out": out}), argv, lambda: "", build.say)
    shutil.rmtree(tree)
    return out / LAYER


def lay_files(source: Path, tree: Path) -> None:
    """Copy iso/live into the tree, mask what masked.txt names, and enable our units."""
    for path in every_path(source / _LIVE):
        if path.is_file():
            target = tree / path.relative_to(source / _LIVE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    (tree / "root").chmod(0o700)
    for name in masked(source):
        _link(tree / "etc" / name, "/dev/null")
    units = tree / "etc/systemd/system"
    for unit in sorted(units.glob("xeninstall-*.service")):
        for wanted in re.findall(r"^WantedBy=(\S+)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
            _link(units / f"{wanted}.wants" / unit.name, f"../{unit.name}")


def masked(source: Path) -> tuple[str, ...]:
    """Paths below /etc of what is switched off."""
    names = read_packages(source / HERE / "masked.txt", entry=r"[a-z][a-z0-9@./_-]+").base.names
    return tuple(name if "/" in name else _UNITS + name for name in names)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
