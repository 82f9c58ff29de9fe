"""A pack into the running system: files in place, modules loaded, packages installed; and which devices appeared by that."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Completed, Runner
from xeninstall.base.steps import step

from .debs import install_command
from .errors import PackError
from .model import Pack
from .names import shown
from .places import copy_into, kept, places
from .verify import check_kernel

_SETTLE_SECONDS = 20
# A controller finds its disks after its driver's loading is done.
_PATIENCE_SECONDS = (0.0, 0.5, 1.0, 2.0)
_SECURE_BOOT = re.compile(r"Key was rejected|Required key not available|Operation not permitted")
_OTHER_KERNEL = re.compile(r"Exec format error|Invalid module format")


@dataclass(frozen=True)
class Loaded:
    """What came of it. Disks and NICs by their kernel names."""

    pack: Pack
    modules: tuple[str, ...]
    disks: tuple[str, ...]
    nics: tuple[str, ...]


@dataclass(frozen=True)
class System:
    """The running system; a test's is a directory."""

    root: Path = Path("/")
    sys: Path = Path("/sys")
    kernel: str = os.uname().release

    def at(self, path: str) -> Path:
        """Where a path of the system is."""
        return self.root / path.lstrip("/")

    def disks(self) -> set[str]:
        """Names of all block devices, partitions apart."""
        return _names(self.sys / "block")

    def nics(self) -> set[str]:
        """Names of all network cards."""
        return _names(self.sys / "class/net")


def load(pack: Pack, runner: Runner, emit: Emit, system: System | None = None) -> Loaded:
    """Load it. Raises PackError, and WrongKernel before anything is done; modules that cannot be loaded leave nothing behind."""
    system = system or System()
    manifest = pack.manifest
    check_kernel(manifest, system.kernel)
    disks, nics = system.disks(), system.nics()
    with step(f"Loading the pack {manifest.title}"):
        made: list[Path] = []
        try:
            copy_into(pack, system.at, made)
            loaded = _modules(pack, runner, emit, system)
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            if manifest.modules:
                runner.run(["depmod", "--all", system.kernel], check=False)
            raise
        _packages(pack, runner, emit, system)
        if loaded:
            runner.run(["udevadm", "settle", f"--timeout={_SETTLE_SECONDS}"], check=False)
    for wait in _PATIENCE_SECONDS if loaded else (0.0,):
        time.sleep(wait)
        new_disks, new_nics = system.disks() - disks, system.nics() - nics
        if new_disks or new_nics:
            break
    return Loaded(pack, loaded, tuple(sorted(new_disks)), tuple(sorted(new_nics)))


def _modules(pack: Pack, runner: Runner, emit: Emit, system: System) -> tuple[str, ...]:
    manifest = pack.manifest
    if not manifest.modules:
        return ()
    runner.run(["depmod", "--all", system.kernel])
    loaded = []
    for name in manifest.loads:
        if (system.sys / "module" / name.replace("-", "_")).is_dir():
            text = f"the module {name} was loaded before, from elsewhere perhaps; the pack's own is taken at the next boot"
            emit(Note(text, warning=True))
            continue
        emit(Note(f"loading the module {name}"))
        done = runner.run(["modprobe", name], check=False)
        said = (done.stderr.strip().splitlines() or ["modprobe said nothing"])[-1].removeprefix("modprobe: ERROR: ")
        if done.status == 0:
            loaded.append(name)
        elif "No such device" in said:
            emit(Note(f"the module {name} finds no device of its kind in this machine", warning=True))
        else:
            raise PackError(f"the module {name} cannot be loaded: {said}", hint=_remedy(said))
    return tuple(loaded)


def _remedy(said: str) -> str:
    if _SECURE_BOOT.search(said):
        return "with Secure Boot the kernel takes signed modules alone: switch it off in the firmware, or get a signed module"
    if _OTHER_KERNEL.search(said):
        return "it was built for another kernel: get the pack that was made for this one"
    if "Unknown symbol" in said:
        return "it needs another module, which the pack should bring: see dmesg, and ask its maker"
    return "see dmesg for what the kernel says"


def _packages(pack: Pack, runner: Runner, emit: Emit, system: System) -> None:
    where = places(pack.manifest)
    debs = [where[path] for path in pack.manifest.part("debs")]
    if not debs:
        return
    emit(Note(f"installing {len(debs)} packages"))
    try:
        check_installed(pack, runner.run(install_command(debs), check=False))
    finally:
        remove_debs(pack, system)


def check_installed(pack: Pack, done: Completed) -> None:
    """Raises PackError for apt's refusal. What is lacking it says on standard output, that it gives up on the other."""
    if done.status == 0:
        return
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines()]
    telling = [line for line in lines if line.startswith(("E:", "dpkg:")) or "Depends:" in line or "Conflicts:" in line]
    said = shown("; ".join(telling[:3]) or f"apt-get ended with status {done.status}", 400)
    raise PackError(
        f"the packages of {pack.manifest.title} cannot be installed: {said}",
        hint="the pack has to bring everything that they need",
    )


def remove_debs(pack: Pack, system: System) -> None:
    """They are installed, or never will be from here."""
    folder = system.at(f"{kept(pack.manifest)}/debs")
    for path in folder.glob("*.deb"):
        path.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
