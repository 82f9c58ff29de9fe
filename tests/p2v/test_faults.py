"""Real faults: a medium with a bad sector, a target that is full, disks damaged by chance."""

import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2v.blockmap.extents import covered
from p2v.cli import main
from p2v.convert import convert, map_sources
from p2v.journal import journal_of, read_journal
from p2v.request import Request
from p2v.source.file import FileReader
from tests.p2v.disks import FILES, MIB, filesystem, patch, run, unmount
from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root  # FUSE and tmpfs mounts


@contextmanager
def with_bad_sector(disk: Path, sector: int) -> Iterator[Path]:
    """The disk through QEMU's fault injection: a real file that gives a real EIO."""
    shown = disk.with_suffix(".failing")
    shown.touch()
    fault = {"event": "none", "iotype": "read", "errno": 5, "sector": sector, "once": False}
    node = {"driver": "blkdebug", "node-name": "n", "image": {"driver": "file", "filename": str(disk)}, "inject-error": [fault]}
    export = {"type": "fuse", "id": "e", "node-name": "n", "mountpoint": str(shown)}
    argv = ["qemu-storage-daemon", "--blockdev", json.dumps({**node, "read-only": True}), "--export", json.dumps(export)]
    daemon = subprocess.Popen(argv)
    try:
        until = time.monotonic() + 20
        while shown.stat().st_size != disk.stat().st_size:
            assert time.monotonic() < until and daemon.poll() is None
            time.sleep(0.01)
        yield shown
    finally:
        daemon.terminate()
        daemon.wait()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "ntfs", "vfat"])
def test_a_bad_sector_costs_a_page_and_the_file_it_hit_is_named(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = filesystem(tmp_path, kind)
    original = disk.read_bytes()
    place = original.index(FILES["big.bin"][MIB : MIB + 512])
    with with_bad_sector(disk, place // 512) as failing:
        code = main(["convert", str(failing), "--to", str(tmp_path / "image"), "--format", "raw"])
    said = capsys.readouterr().err
    assert code == 1
    assert "hit: whole disk: /big.bin\n" in said, said[-900:]
    assert "zeros stand in its place" in said
    bad = [extent for _, extent in read_journal(journal_of(tmp_path / "image")).bad]
    assert sum(extent.length for extent in bad) <= 4096 and covered(tuple(bad), place)
    lines = (tmp_path / "image.0.bad.map").read_text().splitlines()
    assert [line.split()[2] for line in lines if not line.startswith("#")][1:].count("-") == 1
    image = (tmp_path / "image").read_bytes()
    for start, length in read_journal(journal_of(tmp_path / "image")).job.sources[0].block_map().used:
        for page in range(start, start + length, 4096):
            if not covered(tuple(bad), page):
                assert image[page : page + 4096] == original[page : page + 4096]
    assert image[bad[0].start : bad[0].end] == bytes(bad[0].length)


def test_a_target_that_fills_up_stops_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(os.urandom(6 * MIB))
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1 << 40))
    try:
        arguments = ["convert", str(disk), "--to", str(small / "image"), "--format", "raw"]
        assert main(arguments) == 4
        said = capsys.readouterr().err
        assert "cannot take more: No space left on device" in said and "--resume" in said
        assert not (small / "image").exists()
        run("mount", "-o", "remount,size=20m", small)
        assert main([*arguments, "--resume"]) == 0
        assert (small / "image").read_bytes() == disk.read_bytes()
    finally:
        unmount(small)


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "vfat", "exfat", "xfs", "btrfs"])
def test_a_damaged_file_system_is_mapped_or_copied_whole_but_never_crashes(tmp_path: Path, kind: str) -> None:
    whole = filesystem(tmp_path, kind)
    rng = random.Random(kind)
    places = {"xfs": [0, 512, 1024, 4096], "btrfs": [65536, 66000, 66500]}.get(kind, [0, 1024, 2048, 4096])
    for number in range(2):
        path = tmp_path / f"damaged{number}"
        shutil.copy(whole, path)
        for _ in range(rng.randint(1, 4)):
            patch(path, rng.choice(places) + rng.randrange(512), rng.randbytes(rng.randint(1, 8)))
        reader = FileReader(path)
        try:
            found = map_sources([reader], SystemRunner())[0]
        except Error as error:
            pytest.fail(f"mapping must fall back, not fail: {error.message}")
        finally:
            reader.close()
        used = found.block_map.used
        assert all(0 <= extent.start < extent.end <= path.stat().st_size for extent in used)
        assert found.volumes[0].whole_because or found.volumes[0].copied_bytes > 0
        path.unlink()


def test_no_view_is_left_behind(tmp_path: Path) -> None:
    disk = filesystem(tmp_path, "ext4")
    events: list[object] = []
    convert(Request((str(disk),), str(tmp_path / "image"), "qcow2"), SystemRunner(), events.append, threading.Event())
    assert events
    mounts = Path("/proc/self/mountinfo").read_text()
    assert f"p2v-view-{os.getpid()}-" not in mounts
