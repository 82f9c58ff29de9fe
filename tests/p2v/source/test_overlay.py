"""A disk that is changed without being changed: what an overlay holds is in the image, and the disk is as it was."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.source.overlay import overlay
from p2v.types import Extent
from tests.p2v.check import assert_whole
from tests.p2v.disks import MIB, filesystem, make_disk, run, sha, unmount
from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root  # FUSE, loop devices, mounts


def change(view: Path, folder: Path, start: int, size: int) -> None:
    """A file more, a file less, and one that is longer, through a mount of the partition."""
    place = folder / "mounted"
    place.mkdir(exist_ok=True)
    run("mount", "-o", f"loop,offset={start},sizelimit={size}", view, place)
    try:
        (place / "repaired.txt").write_bytes(b"new words\n" * 5000)
        (place / "a.txt").write_bytes(b"alpha, repaired\n")
        run("sync", "-f", place)
    finally:
        unmount(place)


def test_a_changed_file_is_in_the_image_and_the_disk_is_as_before(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["ext4", "swap"])
    before, size = sha(disk), 24 * MIB
    changes = tmp_path / "changes.qcow2"
    with overlay(str(disk), changes, SystemRunner()) as shown:
        change(shown.view, tmp_path, MIB, size)
        with shown.reader() as reader:
            merged = shown.view.read_bytes()
            assert reader.read(0, reader.size_bytes) == merged, "pieces from both are the whole"
            assert reader.changed and sum(extent.length for extent in reader.changed) < 4 * MIB
            assert reader.read(reader.size_bytes - 10, 99) == merged[-10:] and reader.read(-1, 5) == b""
    assert sha(disk) == before
    image = tmp_path / "image.qcow2"
    assert main(["convert", str(disk), "--overlay", str(changes), "--to", str(image)]) == 0
    assert main(["verify", str(image)]) == 0
    run("qemu-img", "convert", "-O", "raw", image, tmp_path / "raw")
    part = tmp_path / "part"
    part.write_bytes((tmp_path / "raw").read_bytes()[MIB : MIB + size])
    run("e2fsck", "-f", "-n", part)
    assert run("debugfs", "-R", "cat /repaired.txt", part) == "new words\n" * 5000
    assert run("debugfs", "-R", "cat /a.txt", part) == "alpha, repaired\n"
    assert sha(disk) == before


def test_what_was_not_changed_is_read_from_the_disk_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(os.urandom(4 * MIB))
    with overlay(str(disk), tmp_path / "changes", SystemRunner()) as shown:
        with shown.view.open("r+b") as file:
            file.seek(MIB + 70_000)
            file.write(b"changed")
        with shown.reader() as reader:
            assert reader.changed == (Extent(MIB + 65536, 65536),)
            # A reader that asked the view for it would not see this.
            with disk.open("r+b") as file:
                file.write(b"the disk")
            assert reader.read(0, 8) == b"the disk"
            assert reader.read(MIB + 70_000, 7) == b"changed"
            wanted = bytearray(disk.read_bytes())
            wanted[MIB + 70_000 : MIB + 70_007] = b"changed"
            assert reader.read(MIB - 5, 3 * MIB) == wanted[MIB - 5 : 4 * MIB - 5]


def test_without_changes_there_is_nothing_of_it(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ext4")
    with overlay(str(part), tmp_path / "changes", SystemRunner()) as shown, shown.reader() as reader:
        assert reader.changed == ()
        assert main(["convert", str(part), "--to", str(tmp_path / "image"), "--format", "raw"]) == 0
    assert_whole("ext4", tmp_path / "image")
    with pytest.raises(Error, match="none does not exist"):
        with overlay(str(part), tmp_path / "none", SystemRunner(), writable=False):
            pass


def test_the_command_shows_it_until_it_is_stopped(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ext4")
    before, view, changes = sha(part), tmp_path / "view.raw", tmp_path / "changes"
    argv = [sys.executable, "-m", "p2v", "overlay", str(part), str(changes), "--at", str(view)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and "Ctrl+C ends it" in process.stdout.readline()
        change(view, tmp_path, 0, part.stat().st_size)
        # Nobody else may take the changes while they are being made.
        assert main(["convert", str(part), "--overlay", str(changes), "--to", str(tmp_path / "early")]) == 1
    finally:
        process.terminate()
        assert process.wait(20) == 0
    until = time.monotonic() + 10
    while view.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not view.exists() and sha(part) == before
    assert main(["convert", str(part), "--overlay", str(changes), "--to", str(tmp_path / "image"), "--format", "raw"]) == 0
    assert run("debugfs", "-R", "cat /a.txt", tmp_path / "image") == "alpha, repaired\n"
