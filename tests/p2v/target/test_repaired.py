"""A repaired machine goes to a target: the disk stays as it is, and a stopped run goes on with its repairs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, sha
from tests.p2v.guest.real_disks import OLD_RELEASE, cat, ext4, gpt, piece, tree
from tests.p2v.target.sshd import ROOT, Sshd, receiver

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]


def test_a_stopped_conversion_with_repairs_goes_on_and_the_disk_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path / "t", OLD_RELEASE + "=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n")
    (root / "big").write_bytes(os.urandom(12 * MIB))
    ext4(tmp_path / "root", root, 32)
    disk, scratch = tmp_path / "old.img", tmp_path / "scratch"
    (start,) = gpt(disk, [("L", tmp_path / "root")])
    before = sha(disk)
    host = Sshd(tmp_path / "ssh", receiver(tmp_path / "host"))
    try:
        arguments = ["convert", str(disk), "--repair", "--to", host.to, *host.options, "--name", "old", "--wire", "none"]
        arguments += ["--scratch", str(scratch)]
        first = subprocess.Popen([sys.executable, "-m", "p2v", *arguments, "--limit", "2M"], stderr=subprocess.PIPE, cwd=ROOT)
        journal, until = tmp_path / "host" / "state" / "old" / "0.journal", time.monotonic() + 90
        while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
            assert first.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        first.terminate()
        first.communicate()
        assert first.returncode == 4 and list(scratch.glob("*.overlay"))
        kept = sorted(scratch.iterdir())
        host.stop()
        assert main([*arguments, "--resume"]) == 4 and sorted(scratch.iterdir()) == kept, "a host that is away loses nothing"
        assert "then go on with --resume" in capsys.readouterr().err
        host.start()
        assert main([*arguments, "--resume"]) == 0
        assert not list(scratch.iterdir())
        image = tmp_path / "host" / "images" / "old-disk0.img"
        assert "UUID=" in cat(piece(image, start, 32, tmp_path / "n"), "/etc/fstab")
        assert sha(disk) == before
        capsys.readouterr()
        assert main([*arguments[:-1], str(tmp_path / "other"), "--resume"]) == 2
        assert "the repairs of the stopped run are not in" in capsys.readouterr().err
    finally:
        host.stop()
