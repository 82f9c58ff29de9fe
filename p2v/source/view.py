"""Volumes of a disk shown as read-only raw files, for tools that want a file system to begin at byte 0.

qemu-storage-daemon shows them by FUSE: a run of the disk as it is, several runs joined by a VMDK descriptor with flat extents. It
needs neither a loop device nor device-mapper, and cannot write.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.mountinfo import own_mounts
from xeninstall.base.run import Process, Runner

from ..types import Extent

MAX_SEGMENTS = 64  # each is an open file of the daemon
PREFIX = "p2v-view-"
_PATIENCE_SECONDS = 20.0


class ViewError(Error):
    """A volume cannot be shown as a file."""


Place = tuple[int, Extent]  # a run of one of the disks, by its number


@contextmanager
def views(disks: Sequence[str], volumes: Mapping[int, Sequence[Place]], runner: Runner) -> Iterator[dict[int, Path]]:
    """A path for each volume, by whatever number the volume has here. Raises ViewError."""
    if not volumes:
        yield {}
        return
    sweep(runner)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        for number, disk in enumerate(disks):
            (place / f"disk{number}").symlink_to(os.path.realpath(disk))
        argv = ["qemu-storage-daemon"]
        paths: dict[int, Path] = {}
        for number, segments in volumes.items():
            paths[number] = place / f"volume{number}"
            paths[number].touch()
            argv += _arguments(place, number, list(segments))
        process = runner.start(argv)
        try:
            await_shown(
                process, {paths[number]: sum(extent.length for _, extent in segments) for number, segments in volumes.items()}
            )
            yield paths
        finally:
            process.stop()
            for path in paths.values():
                if os.path.ismount(path):
                    runner.run(["umount", "-l", str(path)], check=False)


def _arguments(place: Path, number: int, segments: list[Place]) -> list[str]:
    node = {"driver": "raw", "node-name": f"node{number}", "read-only": True}
    if len(segments) == 1:
        which, extent = segments[0]
        disk = place / f"disk{which}"
        driver = "host_device" if disk.is_block_device() else "file"
        file = {"driver": driver, "filename": str(disk), "read-only": True, "locking": "off"}
        node |= {"offset": extent.start, "size": extent.length, "file": file}
    else:
        descriptor = place / f"volume{number}.vmdk"
        descriptor.write_text(_descriptor(segments))
        node |= {"file": {"driver": "vmdk", "file": {"driver": "file", "filename": str(descriptor), "read-only": True}}}
    export = {
        "type": "fuse",
        "id": f"export{number}",
        "node-name": f"node{number}",
        "mountpoint": str(place / f"volume{number}"),
        "writable": False,
    }
    return ["--blockdev", json.dumps(node), "--export", json.dumps(export)]


def _descriptor(segments: list[Place]) -> str:
    # The field's own way to join runs of files: VMware's "Virtual Disk Format 5.0", flat extents.
    head = '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    return head + "".join(f'RW {length // 512} FLAT "disk{which}" {start // 512}\n' for which, (start, length) in segments)


def await_shown(process: Process, expected: Mapping[Path, int | None]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not all(_is_shown(path, size) for path, size in expected.items()):
        if process.poll() is not None:
            ended = process.wait_for(1)
            said = ended.stderr.strip()[-300:] if ended else ""
            raise ViewError(f"qemu-storage-daemon could not show the volumes: {said or 'it said nothing'}")
        if time.monotonic() > until:
            raise ViewError("qemu-storage-daemon did not show the volumes in time")
        time.sleep(0.01)


def _is_shown(path: Path, size: int | None) -> bool:
    shown = path.stat().st_size
    return shown == size if size is not None else shown > 0


def sweep(runner: Runner) -> None:
    """Views that a killed run left behind: their daemon died with it, but the mounts are still in the table."""
    with suppress(OSError):
        for mount in own_mounts():
            owner = mount.place.partition(f"/{PREFIX}")[2].partition("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                runner.run(["umount", "-l", mount.place], check=False)


@contextmanager
def image_view(image: Path, driver: str, runner: Runner, part: Extent | None = None) -> Iterator[Path]:
    """An image of any format that QEMU reads, or a part of a file that is one, shown as the disk in it. Raises ViewError."""
    sweep(runner)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "disk"
        path.touch()
        file: dict[str, object] = {"driver": "file", "filename": str(image), "read-only": True}
        if part is not None:
            file = {"driver": "raw", "offset": part.start, "size": part.length, "read-only": True, "file": file}
        node = {"driver": driver, "node-name": "disk", "read-only": True, "file": file}
        export = {"type": "fuse", "id": "export", "node-name": "disk", "mountpoint": str(path), "writable": False}
        process = runner.start(["qemu-storage-daemon", "--blockdev", json.dumps(node), "--export", json.dumps(export)])
        try:
            await_shown(process, {path: None})
            yield path
        finally:
            process.stop()
            if os.path.ismount(path):
                runner.run(["umount", "-l", str(path)], check=False)


@contextmanager
def joined_view(disks: Sequence[str], segments: Sequence[Place], runner: Runner) -> Iterator[Path]:
    """One volume of several runs as a file that can be written, over files that can be. Raises ViewError."""
    sweep(runner)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        for number, disk in enumerate(disks):
            (place / f"disk{number}").symlink_to(os.path.realpath(disk))
        descriptor, path = place / "volume.vmdk", place / "volume"
        descriptor.write_text(_descriptor(list(segments)))
        path.touch()
        file = {"driver": "vmdk", "node-name": "volume", "file": {"driver": "file", "filename": str(descriptor)}}
        export = {"type": "fuse", "id": "export", "node-name": "volume", "mountpoint": str(path), "writable": True}
        process = runner.start(["qemu-storage-daemon", "--blockdev", json.dumps(file), "--export", json.dumps(export)])
        try:
            await_shown(process, {path: sum(extent.length for _, extent in segments)})
            yield path
        finally:
            process.stop()
            if os.path.ismount(path):
                runner.run(["umount", "-l", str(path)], check=False)
