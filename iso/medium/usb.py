"""`python -m iso.medium.usb DEVICE`: write the medium onto a USB stick, and read it back.

It takes whole disks alone that are removable or hang on USB, that nothing uses, and that are large enough; everything else is
refused with the reason, before anything is written. Prints and exits by itself, as iso.build does.
"""

import argparse
import fcntl
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from xeninstall.base.errors import Error, ExitCode, RequirementError, Stopped, UsageError
from xeninstall.base.sizes import format_duration, format_size

WORD = "ERASE"
_CHUNK_BYTES = 4 * 2**20
# A backup partition table of what was there before lies in the last sectors.
_TAIL_BYTES = 2**20
_FLUSH_BUFFERS, _READ_PARTITIONS = 0x1261, 0x125F  # BLKFLSBUF, BLKRRPART of linux/fs.h


@dataclass(frozen=True)
class Stick:
    """A disk that may be written to."""

    path: Path
    size_bytes: int
    model: str


@dataclass(frozen=True)
class Kernel:
    """Where the kernel tells about disks; a test has places of its own."""

    sysfs: Path = Path("/sys")
    mounts: Path = Path("/proc/self/mountinfo")
    swaps: Path = Path("/proc/swaps")


def find_stick(device: Path, image_bytes: int, kernel: Kernel | None = None) -> Stick:
    """The stick under this name. Raises RequirementError or UsageError, naming what is wrong with it."""
    kernel = kernel or Kernel()
    try:
        status = device.stat()
    except OSError as error:
        raise UsageError(f"{device}: {error.strerror}", hint="lsblk lists the disks; plug the stick in") from None
    if not stat.S_ISBLK(status.st_mode):
        raise UsageError(f"{device} is no disk", hint="name one, like /dev/sdb; lsblk lists them")
    place = (kernel.sysfs / "dev/block" / f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}").resolve()
    if (place / "partition").exists():
        raise UsageError(f"{device} is a partition", hint=f"name the whole disk: /dev/{place.parent.name}")
    if _text(place / "removable") != "1" and "usb" not in "".join(part[:3] for part in place.parts):
        raise RequirementError(
            f"{device} is neither removable nor on USB: it may be a disk of this machine",
            hint="name a USB stick; lsblk -o +TRAN lists",
        )
    if _text(place / "ro") == "1":
        raise RequirementError(f"{device} is read-only", hint="move the stick's switch, or take another")
    size_bytes = int(_text(place / "size") or 0) * 512
    if size_bytes == 0:
        raise RequirementError(f"{device} has no medium in it", hint="insert one")
    if size_bytes < image_bytes:
        raise RequirementError(
            f"{device} has {format_size(size_bytes)}, the medium takes {format_size(image_bytes)}", hint="take a larger one"
        )
    if user := _used_by(place, kernel):
        raise RequirementError(f"{device} is in use: {user}", hint="unmount it, if it is the right disk, then run it again")
    words = (_text(place / "device/vendor"), _text(place / "device/model"))
    return Stick(device, size_bytes, " ".join(word for word in words if word) or "unknown model")


def _used_by(place: Path, kernel: Kernel) -> str:
    """What uses the disk or one of its partitions, in words; empty when nothing does."""
    parts = [place, *(path.parent for path in place.glob("*/partition"))]
    numbers = {_text(part / "dev"): part.name for part in parts}
    for line in _text(kernel.mounts).splitlines():
        fields = line.split()
        if fields[2] in numbers:
            return f"{numbers[fields[2]]} is mounted at {fields[4]}"
    swaps = {Path(line.split()[0]).name for line in _text(kernel.swaps).splitlines()[1:] if line.split()}
    for part in parts:
        if part.name in swaps:
            return f"{part.name} is swap space"
        if holders := sorted(path.name for path in (part / "holders").glob("*")):
            return f"{part.name} belongs to {holders[0]}"
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def write(image: Path, stick: Stick, expected: str, say: Callable[[str, int, int], None]) -> None:
    """Write the image and compare what comes back; `say` hears what is done, and bytes done and to do. Raises Error.

    `expected` is the image's SHA-256, or empty when nobody wrote it down.
    """
    size_bytes = image.stat().st_size
    try:
        descriptor = os.open(stick.path, os.O_RDWR | os.O_EXCL)
    except OSError as error:
        raise RequirementError(
            f"{stick.path} cannot be written to: {error.strerror}", hint="see what uses it, and use sudo"
        ) from None
    with os.fdopen(descriptor, "r+b", buffering=0) as disk, image.open("rb") as source:
        try:
            written = _copy(source, disk, size_bytes, say)
            if expected and written != expected:
                raise Error(f"{image} is damaged: SHA256SUMS says otherwise", hint="build it again: rm it, then make iso")
            tail = max(size_bytes, stick.size_bytes - _TAIL_BYTES)
            disk.seek(tail)
            disk.write(bytes(stick.size_bytes - tail))
            os.fsync(disk.fileno())
            _forget(disk)
            disk.seek(0)
            if _digest(disk, size_bytes, say) != written:
                raise Error(
                    f"{stick.path} does not give back what was written to it", hint="the stick is worn out or false: take another"
                )
            _ioctl(disk, _READ_PARTITIONS)
        except OSError as error:
            raise Error(f"{stick.path}: {error.strerror}", hint="plug it in again, at another port, or take another") from error


def _copy(source: BinaryIO, disk: BinaryIO, size_bytes: int, say: Callable[[str, int, int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[disk.write(view) :]
        # Else it all seems to be written at once, and the wait comes at the end without a word.
        os.fdatasync(disk.fileno())
        done += len(chunk)
        say("written", done, size_bytes)
    return digest.hexdigest()


def _digest(disk: BinaryIO, size_bytes: int, say: Callable[[str, int, int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    while done < size_bytes:
        chunk = disk.read(min(_CHUNK_BYTES, size_bytes - done))
        if not chunk:
            break
        digest.update(chunk)
        done += len(chunk)
        say("read back", done, size_bytes)
    return digest.hexdigest()


def _forget(disk: BinaryIO) -> None:
    """So that reading back asks the stick, not this machine's memory."""
    _ioctl(disk, _FLUSH_BUFFERS)
    os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _ioctl(disk: BinaryIO, request: int) -> None:
    try:
        fcntl.ioctl(disk.fileno(), request)
    except OSError:
        return  # Neither is needed for what was written to be right: a file has no partitions to read again.


class Progress:
    """Rate and time left: once a second on a terminal, every tenth elsewhere."""

    def __init__(self) -> None:
        self._what, self._began, self._last, self._tenth = "", 0.0, 0.0, -1

    def __call__(self, what: str, done: int, total: int) -> None:
        """See `write`."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began, self._last, self._tenth = what, now, 0.0, -1
        if done < total and not (now - self._last >= 1 if sys.stdout.isatty() else done * 10 // total > self._tenth):
            return
        self._last, self._tenth = now, done * 10 // total
        rate = done / max(now - self._began, 0.001)
        left = format_duration((total - done) / rate)
        line = f"{what}: {done * 100 // total:3} %  {format_size(int(rate))}/s  {left} left"
        end = "\n" if done == total or not sys.stdout.isatty() else ""
        print(f"\r{line}\x1b[K" if sys.stdout.isatty() else line, end=end, flush=True)


def agreed(stick: Stick, erase: str) -> None:
    """Raises UsageError or Stopped unless somebody has said deliberately that the stick's contents go."""
    print(f"{stick.path}: {stick.model}, {format_size(stick.size_bytes)}. Everything on it will be lost.", flush=True)
    if erase == "yes":
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody has agreed that the disk is erased", hint="say so: make usb DEVICE=… ERASE=yes")
    if input(f"Type {WORD} to write the medium onto it: ").strip() != WORD:
        raise Stopped("nothing was written")


def summed(image: Path) -> str:
    """What SHA256SUMS beside the image says of it, or nothing."""
    for line in _text(image.parent / "SHA256SUMS").splitlines():
        digest, _, name = line.partition("  ")
        if name == image.name:
            return digest
    return ""


def main(argv: list[str] | None = None) -> int:
    """Check, ask, write, and say by exit code how it went."""
    parser = argparse.ArgumentParser(prog="python -m iso.medium.usb", description="Write the boot medium onto a USB stick.")
    parser.add_argument("device", metavar="DEVICE", type=Path, help="the whole disk, like /dev/sdb")
    parser.add_argument(
        "--image", metavar="ISO", type=Path, default=Path("build/xeninstall.iso"), help="default build/xeninstall.iso"
    )
    parser.add_argument("--erase", metavar="yes", default="", help="yes: what is on the disk may go; without it you are asked")
    args = parser.parse_args(argv)
    try:
        if not args.image.is_file():
            raise UsageError(f"there is no {args.image}", hint="build it: make iso")
        stick = find_stick(args.device, args.image.stat().st_size)
        agreed(stick, args.erase)
        write(args.image, stick, summed(args.image), Progress())
    except Error as error:
        print(f"usb: {error.message}", *([f"  -> {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        print("usb: stopped; what is on the disk now starts no machine", file=sys.stderr)
        return ExitCode.STOPPED
    print(f"{args.device}: written and read back; start a machine from it")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
