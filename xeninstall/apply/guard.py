"""The last look before the first write: the system image is whole, the target is free, and nobody else is at it."""

import errno
import fcntl
import hashlib
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.errors import Error, RequirementError, UsageError
from xeninstall.base.mountinfo import own_mounts
from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB, format_size
from xeninstall.plan.model import InstallPack, InstallPackages, Plan, PlannedDisk
from xeninstall.plan.system_image import SystemImage

from .target import loops_of, place_of

Watch = Callable[[int, int], None]  # bytes done, bytes in all


class ImageDamaged(Error):
    """The system image is not the one that its description names."""


class TargetBusy(RequirementError):
    """Something else uses the target."""


def read_system_image(squashfs: Path) -> SystemImage:
    """The description beside a squashfs. Raises UsageError when either is missing."""
    description = squashfs.parent / f"{squashfs.stem}.json"
    for path in (squashfs, description):
        if not path.is_file():
            raise UsageError(f"the system image {path} is missing", hint="build it with: make image, or name it with --system")
    try:
        return SystemImage.from_json(description.read_bytes(), where=str(description))
    except OSError as error:
        raise UsageError(f"{description} cannot be read: {error.strerror}", hint="look at its permissions") from None


def check_system_image(squashfs: Path, image: SystemImage, watch: Watch) -> None:
    """Compare size and sha256 with the description. Raises ImageDamaged, naming both digests."""
    hint = "copy or build the system image again; nothing was written"
    size = squashfs.stat().st_size
    if size != image.size_bytes:
        raise ImageDamaged(
            f"{squashfs} has {size} bytes instead of {image.size_bytes}: it is truncated or another image", hint=hint
        )
    digest = hashlib.sha256()
    done = 0
    with squashfs.open("rb", buffering=0) as file:
        while block := file.read(4 * MIB):
            digest.update(block)
            done += len(block)
            watch(done, size)
    if digest.hexdigest() != image.sha256:
        raise ImageDamaged(f"{squashfs} is damaged: its sha256 is {digest.hexdigest()} instead of {image.sha256}", hint=hint)


def check_target(plan: Plan, image: SystemImage, runner: Runner) -> None:
    """Refuse a target that is in use, or that has no room. Raises TargetBusy or RequirementError."""
    for disk in plan.disks:
        if disk.image:
            _check_image_file(disk, _needed_bytes(plan, image), runner)
        else:
            _check_disk(disk)


def _check_disk(disk: PlannedDisk) -> None:
    try:
        if not stat.S_ISBLK(Path(disk.path).stat().st_mode):
            raise TargetBusy(f"{disk.path} is not a block device", hint="nothing was written")
        os.close(os.open(disk.path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise TargetBusy(
                f"{disk.path} ({disk.identity}) is in use: something on it is mounted, or part of an array or a volume group",
                hint="see what with: lsblk; nothing was written",
            ) from None
        raise TargetBusy(
            f"{disk.path} ({disk.identity}) cannot be written: {error.strerror}", hint="nothing was written"
        ) from None


def check_image_path(path: Path) -> None:
    """Can there be an image file at this path? Raises UsageError, or TargetBusy for what is read-only."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}", hint="create it, or name another --target")
    if path.exists():
        if not path.is_file():
            raise UsageError(f"{path} is neither a disk nor a regular file", hint="name a disk or an image file with --target")
        # Root could write to it all the same, but whoever took the write permission away meant something by it.
        if not os.access(path, os.W_OK) or not path.stat().st_mode & 0o222:
            raise TargetBusy(f"{path} is read-only", hint="make it writable, or name another --target")
    elif not os.access(path.parent, os.W_OK):
        raise TargetBusy(f"{path.parent} is not writable", hint="name another --target")


def _needed_bytes(plan: Plan, image: SystemImage) -> int:
    """What the installed system takes: the image, chosen package sets, packs, and room for the boot loader and logs."""
    actions = [action for stage in plan.stages for action in stage.actions]
    sets = sum(image.sets[action.set].unpacked_bytes for action in actions if isinstance(action, InstallPackages))
    # A pack's packages lie there for a while beside what they unpack to.
    packs = sum(3 * action.size_bytes for action in actions if isinstance(action, InstallPack))
    return image.unpacked_bytes + sets + packs + 256 * MIB


def _check_image_file(disk: PlannedDisk, needed: int, runner: Runner) -> None:
    path = Path(disk.path)
    check_image_path(path)
    if path.exists():
        mounted = {node for node in loops_of(disk.path, runner) if _used_elsewhere(node, place_of(disk.path))}
        if mounted:
            raise TargetBusy(
                f"{path} is in use: {', '.join(sorted(mounted))} is mounted from it", hint="unmount it; nothing was written"
            )
        if _locked(path):
            raise TargetBusy(
                f"{path} is in use by another program, such as a running virtual machine", hint="stop it; nothing was written"
            )
    room = os.statvfs(path.parent)
    free = room.f_bavail * room.f_frsize + (path.stat().st_blocks * 512 if path.exists() else 0)
    if free < needed:
        raise RequirementError(
            f"{path.parent} has {format_size(free)} free, and the installed system takes {format_size(needed)}",
            hint="make room, or name another --target; nothing was written",
        )


def _used_elsewhere(node: str, own_place: Path) -> bool:
    """Is this loop device mounted outside of our own directory, or held by something?"""
    number = Path(node).stat().st_rdev
    device = f"{os.major(number)}:{os.minor(number)}"
    if any(mount.number == device and not Path(mount.place).is_relative_to(own_place) for mount in own_mounts()):
        return True
    holders = Path(f"/sys/class/block/{Path(node).name}/holders")
    return holders.is_dir() and any(holders.iterdir())


def _locked(path: Path) -> bool:
    """Does another program hold a lock: one on bytes, as QEMU does on the images of its machines, or flock's on the whole?"""
    question = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0) + bytes(4)
    get_lock = getattr(fcntl, "F_OFD_GETLK", 36)
    try:
        opened = path.open("r+b")
    except OSError as error:
        raise TargetBusy(f"{path} cannot be written: {error.strerror}", hint="name another --target") from None
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass  # a file system without locks
        try:
            answer = fcntl.fcntl(file, get_lock, question)
        except OSError:
            return False
    return bool(struct.unpack_from("h", answer)[0] != fcntl.F_UNLCK)


@contextmanager
def sole_run(target: str) -> Iterator[None]:
    """Keep a second run away from the same target. Raises TargetBusy."""
    lock = place_of(target).with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TargetBusy(
                f"another xeninstall is working on {target}", hint="wait for it, or stop it; nothing was written"
            ) from None
        yield
