"""A running Linux with md, device-mapper and real block devices, in which the installer works as it does on the medium.

An installed host is started without Xen (its own kernel, by QEMU itself), so that software emulation takes a minute; the
tree under test and the system image come on a read-only disk of their own.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .installer import REPOSITORY
from .qemu import DirectBoot, Disk, Machine, UserNet, WireNet
from .tree import mounted, partitions

_MEDIUM = "MEDIUM"


@dataclass
class Workshop:
    """The logged-in console, and the installer there."""

    machine: Machine
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.console = self.machine.console

    def install(self, *more: str, timeout: float = 1500) -> tuple[str, int]:
        """Run the installer to the end; returns what it said and its status."""
        return self.console.run(self.command(*more), timeout)

    def command(self, *more: str) -> str:
        """The shell command that installs by the medium's answers."""
        words = " ".join(more)
        return f"cd /mnt && python3 -m xeninstall install answers.toml --system /mnt/system.squashfs {words}"


def direct_boot(image: Path, into: Path, append: str = "") -> DirectBoot:
    """Kernel and initramfs of an installed image, and a command line that finds its root."""
    into.mkdir(parents=True, exist_ok=True)
    with mounted(image) as root:
        for name in ("vmlinuz", "initrd.img"):
            newest = sorted((root / "boot").glob(f"{name}-*"))[-1]
            shutil.copyfile(newest, into / name)
    root_partition = partitions(image)[2].uuid
    return DirectBoot(
        into / "vmlinuz", into / "initrd.img", f"root=PARTUUID={root_partition} ro console=ttyS0,115200 quiet {append}"
    )


@contextmanager
def workshop(
    image: Path,
    system: Path,
    place: Path,
    disks: Sequence[Disk],
    answers: str,
    nics: Sequence[UserNet | WireNet] = (UserNet(),),
    name: str = "workshop",
) -> Iterator[Workshop]:
    """Boot `image` (what it writes is forgotten) with further disks to install onto, and an answer file."""
    medium = _medium(system, place, answers)
    own = [Disk(image), Disk(medium, serial=_MEDIUM, readonly=True)]
    direct = direct_boot(image, place / "kernel")
    with Machine([*own, *disks], direct=direct, nics=nics, name=name) as machine:
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        machine.console.check(f"mount -t squashfs /dev/disk/by-id/virtio-{_MEDIUM} /mnt")
        yield Workshop(machine)


def blank(path: Path, size_bytes: int) -> Path:
    """A new disk without anything on it."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def _medium(system: Path, place: Path, answers: str) -> Path:
    tree, medium = place / "medium", place / "medium.squashfs"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(REPOSITORY / "xeninstall", tree / "xeninstall", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "answers.toml").write_text(answers)
    for suffix in (".squashfs", ".json"):
        shutil.copyfile(system.with_suffix(suffix), tree / f"system{suffix}")
    medium.unlink(missing_ok=True)
    # The system image is packed already; the rest is small.
    argv = ["mksquashfs", str(tree), str(medium), "-noappend", "-quiet", "-no-progress", "-noI", "-noD", "-noF", "-noX"]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.rmtree(tree)
    return medium
