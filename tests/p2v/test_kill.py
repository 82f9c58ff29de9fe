"""kill -9 at random moments, and on it goes: the image is, byte for byte, the one that was never disturbed."""

import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.image.model import Disk, Identity
from p2v.image.table import FORMATS
from p2v.journal import journal_of, read_journal
from tests.p2v.image.render import render

MIB = 1 << 20
# Each kill costs a second; P2V_KILLS=8 makes the fifty of the acceptance, and a few more.
KILLS = int(os.environ.get("P2V_KILLS", "1"))
FORMS = {"raw": (), "qcow2": (), "qcow2 zstd": ("--compress",), "vhd": (), "vmdk deflate": ("--compress",), "ova": (), "xva": ()}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kill") / "old.img"
    rng = random.Random(1)
    with path.open("wb") as file:
        file.truncate(64 * MIB)
        for start in (0, 10, 11, 30, 50, 63):
            file.seek(start * MIB + rng.randrange(0, MIB, 4096))
            file.write(rng.randbytes(900_000))
    return path


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("name", FORMS)
def test_killed_and_resumed_it_is_the_undisturbed_image(tmp_path: Path, disk: Path, name: str, number: int) -> None:
    form = name.split()[0]
    image = tmp_path / "image"
    arguments = ["convert", str(disk), "--to", str(image), "--format", form, *FORMS[name]]
    argv = [sys.executable, "-m", "tests.p2v.killed", *arguments, "--limit", "12M"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not journal_of(image).exists():
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(random.Random(f"{name}{number}").uniform(0, 0.5))
    process.kill()
    process.wait()
    reached = read_journal(journal_of(image)).at
    assert main([*arguments, "--resume"]) == 0
    record = read_journal(journal_of(image))
    assert record.complete and record.length_bytes == image.stat().st_size >= reached
    disks = [Disk(source.block_map(), "old") for source in record.job.sources]
    writer = FORMATS[form].make(disks, Identity(uuid.UUID(record.job.seed), record.job.time), record.job.options)
    render(writer, [disk.read_bytes()], tmp_path / "plain")
    assert image.read_bytes() == (tmp_path / "plain").read_bytes()
    assert main(["verify", str(image)]) == 0
