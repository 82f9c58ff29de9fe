"""A pack into a host that runs: loaded at once, and kept for its next boots, as an installation would have brought it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.apply.host_files import inside, remove, write_file
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner
from xeninstall.packs.load import Loaded, System, load
from xeninstall.packs.model import MANIFEST, SIGNATURE, Manifest, Pack
from xeninstall.packs.places import kept, places
from xeninstall.plan.model import Remove, WriteFile
from xeninstall.plan.packs import records

from .read import KEPT
from .settings.packs import HostPack
from .undo import Undo

_INITRAMFS = ("update-initramfs", "-u", "-k", "all")


def add(pack: Pack, before: HostPack | None, answers: str, runner: Runner, emit: Emit, system: System | None = None) -> Loaded:
    """Load it, in place of `before`, another version of it; `answers` become the host's. Raises Error.

    What cannot be loaded leaves the host as it was. Only the initramfs may be left to be made, which is then said.
    """
    system = system or System()
    if Undo(runner, system.root).pending() is not None:
        raise Error("a change of the network still waits to be confirmed", hint="confirm it or have it undone first")
    old = before.manifest if before else None
    with _comes_back(old, runner, system):
        done = load(pack, runner, emit, system)
    written = records(pack)
    for action in written:
        write_file(system.root, action)
    gone = (_files(old) | _lists(old)) - _files(pack.manifest) - {action.path for action in written}
    for path in gone:
        remove(system.root, Remove(path=path))
    write_file(system.root, WriteFile(path=KEPT, text=answers, mode=0o640))
    try:
        if gone and old and old.modules:
            runner.run(["depmod", "--all", system.kernel])
        if pack.manifest.early or (old and old.early):
            emit(Note("making the initramfs anew"))
            runner.run(_INITRAMFS)
    except Error as error:
        raise Error(
            f"{pack.manifest.title} is loaded and kept, but the next start does not know of it yet: {error.message}",
            hint=f"mend that, then run: {' '.join(_INITRAMFS)}",
        ) from error
    return done


def _files(manifest: Manifest | None) -> set[str]:
    """What a host has of a pack itself."""
    if manifest is None:
        return set()
    return {*places(manifest, debs=False).values(), *(f"{kept(manifest)}/{name}" for name in (MANIFEST, SIGNATURE))}


def _lists(manifest: Manifest | None) -> set[str]:
    """Where it is written which of a pack's modules are loaded."""
    if manifest is None:
        return set()
    name = f"xeninstall-{manifest.name}"
    return {f"/etc/modules-load.d/{name}.conf", f"/usr/share/initramfs-tools/modules.d/{name}"}


@contextmanager
def _comes_back(old: Manifest | None, runner: Runner, system: System) -> Iterator[None]:
    """The files of the version that was there, when the new one cannot be loaded."""
    with tempfile.TemporaryDirectory(prefix="xeninstall-pack-") as name:
        saved = {path: Path(name) / str(number) for number, path in enumerate(sorted(_files(old)))}
        there = {path: to for path, to in saved.items() if inside(system.root, path).is_file()}
        for path, to in there.items():
            shutil.copy2(inside(system.root, path), to)
        try:
            yield
        except BaseException:
            for path, to in there.items():
                shutil.copy2(to, inside(system.root, path))
            if old and old.modules:
                runner.run(["depmod", "--all", system.kernel], check=False)
            raise
