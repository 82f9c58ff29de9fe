"""`make bench-medium`: the boot medium beside debian-installer's own netboot image, on the same QEMU machine.

The image's size, the time from the kernel's start to the first question, and of ours alone that of an installation with nobody
watching, to the power off: debian-installer downloads the rest of itself from a mirror, and not every mirror has it. Its kernel
and initramfs come from the Debian package debian-installer-13-netboot-amd64 (or 12).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from iso.medium.make import ISO
from tests.servers import Answer, serving
from tests.system.answer_files import STATIC, answers
from tests.system.console import ConsoleError
from tests.system.medium import FIRST_SCREEN, MEMORY_MIB, built, kernel_of_medium
from tests.system.qemu import DirectBoot, Disk, Machine, UserNet

_IMAGES = Path("/usr/lib/debian-installer/images")
_SCREEN_SECONDS, _INSTALL_SECONDS = 900, 3000
_DISK_BYTES = 12 * 2**30


@dataclass(frozen=True)
class Figures:
    """Of one installer: bytes, seconds, seconds; None where it was not run."""

    size: int
    first_screen: float | None
    install: float | None


def _timed(boot: DirectBoot, disks: list[Disk], until: Callable[[Machine], None]) -> float:
    with Machine(disks, nics=[UserNet(reaches_us=True)], memory_mib=MEMORY_MIB, direct=boot, name="bench") as machine:
        began = time.monotonic()
        until(machine)
        return time.monotonic() - began


def _first(pattern: str) -> Callable[[Machine], None]:
    """Until its console says so."""

    def until(machine: Machine) -> None:
        machine.console.expect(pattern, _SCREEN_SECONDS)

    return until


def _ended(machine: Machine) -> None:
    """Until it has switched itself off; what it says is heard, else it stands still."""
    deadline = time.monotonic() + _INSTALL_SECONDS
    while machine.running():
        if time.monotonic() > deadline:
            raise ConsoleError(f"not installed after {_INSTALL_SECONDS} s:\n{machine.console.said[-1500:]}")
        machine.console.listen(0.5)


def _target(place: Path, name: str) -> Disk:
    path = place / f"{name}.img"
    with path.open("wb") as file:
        file.truncate(_DISK_BYTES)
    return Disk(path, serial="BENCH", snapshot=False)


def ours(place: Path) -> Figures:
    """The medium in a CD drive; its kernel is started by QEMU, as the other's is."""
    medium = Disk(built(ISO), bus="cd", readonly=True)
    first = _timed(kernel_of_medium(place, "xeninstall.mode=wizard"), [medium, _target(place, "looked")], _first(FIRST_SCREEN))
    with serving(Answer(body=answers(disk='serial = "BENCH"', rest=STATIC).encode())) as server:
        where = f"http://192.0.2.1:{server.server_address[1]}/answers.toml"
        words = f"xeninstall.answers={where} xeninstall.after=poweroff xeninstall.countdown=0"
        install = _timed(kernel_of_medium(place, words), [medium, _target(place, "ours")], _ended)
    _is_installed(place / "ours.img")
    return Figures(built(ISO).stat().st_size, first, install)


def debian_installer(place: Path) -> Figures | None:
    """Its text image, with Debian's words for a serial line; None when the package is not there."""
    found = sorted(_IMAGES.glob("*/amd64/text/debian-installer/amd64/initrd.gz"))
    if not found:
        return None
    initrd, kernel = found[-1], found[-1].with_name("linux")
    words = "console=ttyS0,115200 TERM=vt102 --- quiet"
    first = _timed(DirectBoot(kernel, initrd, words), [_target(place, "looked")], _first("Select a language"))
    size = initrd.stat().st_size + kernel.stat().st_size
    return Figures(size, first, None)


def _is_installed(disk: Path) -> None:
    """Raises SystemExit when nothing is on the disk: a time for that would be a lie."""
    if disk.stat().st_blocks * 512 < 300 * 2**20:
        sys.exit(f"{disk.name} was not installed: {disk.stat().st_blocks // 2048} MiB are on it")


def _line(name: str, mine: float, other: float | None, unit: str) -> str:
    theirs = f"{other:8.0f} {unit}   {mine / other:.2f}x" if other else "    not run"
    return f"  {name:<42} {mine:8.0f} {unit} {theirs}"


def main() -> None:
    """Both, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xeninstall-bench-") as folder:
        mine, other = ours(Path(folder)), debian_installer(Path(folder)) or Figures(0, None, None)
    if wanted.json:
        print(json.dumps({"xeninstall": vars(mine), "debian-installer": vars(other)}, indent=2))
        return
    print("The boot medium, and debian-installer's netboot image on the same machine")
    if other.first_screen is None:
        print("  (the second is not here: apt install debian-installer-13-netboot-amd64, on Debian 12 with 12 in its name)")
    print(_line("size", mine.size / 1e6, other.size / 1e6, "MB"))
    print(_line("kernel's start to the first question", mine.first_screen or 0, other.first_screen, "s "))
    print(_line("unattended, kernel's start to power off", mine.install or 0, other.install, "s "))


if __name__ == "__main__":
    main()
