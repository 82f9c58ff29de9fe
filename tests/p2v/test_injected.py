"""Faults from nbdkit's error and delay filters, disks that are pulled out: named, resumable, nothing half-done called done."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.journal import journal_of, read_journal
from tests.p2v.disks import MIB, run, unmount
from tests.p2v.nbd import FailingDisk

pytestmark = pytest.mark.root  # FUSE mounts


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "old.img"
    path.write_bytes(random.Random(6).randbytes(8 * MIB))
    return path


def begin(source: Path, image: Path, *options: str) -> subprocess.Popen[bytes]:
    """A conversion in a process of its own, slow enough to be disturbed, with its journal begun."""
    argv = [sys.executable, "-m", "tests.p2v.killed", "convert", str(source), "--to", str(image), "--format", "raw", *options]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (journal_of(image).exists() and read_journal(journal_of(image)).at):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    return process


def said_at_the_end(process: subprocess.Popen[bytes]) -> str:
    _, said = process.communicate(timeout=60)
    return said.decode()


def test_a_medium_that_fails_now_and_then_is_read_whole(tmp_path: Path, disk: Path) -> None:
    with FailingDisk(disk, tmp_path / "seen", "--filter=error", "error-pread=EIO", "error-pread-rate=3%") as failing:
        assert main(["convert", str(failing.path), "--to", str(tmp_path / "image"), "--format", "raw"]) == 0
    assert (tmp_path / "image").read_bytes() == disk.read_bytes()


def test_a_medium_that_fails_for_good_is_told_with_zeros_in_its_place(
    tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk.write_bytes(disk.read_bytes()[: 2 * MIB])
    with FailingDisk(disk, tmp_path / "seen", "--filter=error", "error-pread=EIO", "error-pread-rate=100%") as failing:
        assert main(["convert", str(failing.path), "--to", str(tmp_path / "image"), "--format", "raw"]) == 1
    said = capsys.readouterr().err
    assert "its partition table cannot be read (Input/output error); it is copied whole" in said
    assert "2 MiB in 1 place" in said and "zeros stand in its place" in said
    assert (tmp_path / "image").read_bytes() == bytes(2 * MIB)


def test_a_slow_medium_is_stopped_at_once_and_read_to_its_end_later(tmp_path: Path, disk: Path) -> None:
    image = tmp_path / "image"
    with FailingDisk(disk, tmp_path / "seen", "--filter=delay", "rdelay=60ms") as slow:
        process = begin(slow.path, image)
        began = time.monotonic()
        process.terminate()
        assert "go on with the same command and --resume" in said_at_the_end(process)
        assert process.returncode == 4 and time.monotonic() - began < 10
    assert not image.exists()
    with FailingDisk(disk, tmp_path / "seen", "--filter=delay", "rdelay=1ms") as better:
        assert main(["convert", str(better.path), "--to", str(image), "--format", "raw", "--resume"]) == 0
    assert image.read_bytes() == disk.read_bytes()


def test_a_source_that_is_pulled_out_stops_resumably(tmp_path: Path, disk: Path) -> None:
    image = tmp_path / "image"
    with FailingDisk(disk, tmp_path / "seen", "--filter=delay", "rdelay=50ms") as source:
        process = begin(source.path, image, "--limit", "4M")
        source.pull_out()
        said = said_at_the_end(process)
        assert process.returncode == 4, said
        assert f"{source.path} is gone" in said and "connect it again, then go on with --resume" in said
        assert not image.exists()
        source.put_back()
        assert main(["convert", str(source.path), "--to", str(image), "--format", "raw", "--resume"]) == 0
    assert image.read_bytes() == disk.read_bytes()
    assert main(["verify", str(image)]) == 0


def test_a_target_that_is_pulled_out_stops_resumably(tmp_path: Path, disk: Path) -> None:
    target, place = tmp_path / "target.img", tmp_path / "usb"
    place.mkdir()
    with target.open("wb") as file:
        file.truncate(64 * MIB)
    run("mkfs.ext4", "-q", "-F", target)
    with FailingDisk(target, tmp_path / "seen", writable=True) as medium:
        run("mount", "-o", "loop", medium.path, place)
        try:
            process = begin(disk, place / "image", "--limit", "4M")
            medium.pull_out()
            said = said_at_the_end(process)
        finally:
            unmount(place)
        assert process.returncode == 4, said
        assert f"{place / 'image'}" in said and "--resume" in said
        medium.put_back()
        subprocess.run(["e2fsck", "-f", "-y", medium.path], capture_output=True, check=False)
        run("mount", "-o", "loop", medium.path, place)
        try:
            assert not (place / "image").exists()
            assert main(["convert", str(disk), "--to", str(place / "image"), "--format", "raw", "--resume"]) == 0
            assert (place / "image").read_bytes() == disk.read_bytes()
        finally:
            unmount(place)


def test_nothing_of_this_is_left_behind() -> None:
    assert f"p2v-view-{os.getpid()}-" not in Path("/proc/self/mountinfo").read_text()
