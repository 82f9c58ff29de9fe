"""The data of an encrypted volume, shown as a raw file that can be written: what is written goes encrypted into the volume.

Neither device-mapper nor the kernel's crypto is needed: a process of ours decrypts, and qemu-storage-daemon shows it by FUSE.
"""

import base64
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.run import Runner, talk

from ..types import Encryption
from .sectors import Sectors
from .view import PREFIX, Place, ViewError, await_shown, sweep


@contextmanager
def decrypted_view(disks: Sequence[Path], places: Sequence[Place], how: Encryption, key: bytes, runner: Runner) -> Iterator[Path]:
    """The volume lies on these runs of the disks, whose raw files can be written. Raises Error."""
    Sectors(how.cipher, key, how.sector_bytes, how.first_sector)  # a cipher that is not known is told before anything starts
    sweep(runner)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        line, path = Path(folder) / "nbd", Path(folder) / "plain"
        path.touch()
        told = {
            "socket": str(line),
            "runs": _data(disks, places, how),
            "cipher": how.cipher,
            "key": base64.b64encode(key).decode(),
            "sector_bytes": how.sector_bytes,
            "first_sector": how.first_sector,
        }
        home = str(Path(__file__).parent.parent.parent)
        channel = talk([sys.executable, "-m", "p2v.source.decrypting"], {"PYTHONPATH": home})
        try:
            os.write(channel.writes, json.dumps(told).encode() + b"\n")
            if os.read(channel.reads, 16) != b"ready\n":
                channel.stop(1)
                raise ViewError(f"an encrypted volume could not be shown: {channel.said[-300:] or 'it said nothing'}")
            node = {"driver": "nbd", "node-name": "plain", "server": {"type": "unix", "path": str(line)}}
            export = {"type": "fuse", "id": "export", "node-name": "plain", "mountpoint": str(path), "writable": True}
            process = runner.start(["qemu-storage-daemon", "--blockdev", json.dumps(node), "--export", json.dumps(export)])
            try:
                await_shown(process, {path: None})
                yield path
                _flush(path)
            finally:
                process.stop()
                if os.path.ismount(path):
                    runner.run(["umount", "-l", str(path)], check=False)
        finally:
            channel.close()


def _data(disks: Sequence[Path], places: Sequence[Place], how: Encryption) -> list[tuple[str, int, int]]:
    """Where the encrypted data is. Raises ViewError."""
    total = sum(extent.length for _, extent in places)
    length = how.length if how.length is not None else total - how.offset
    if length <= 0 or how.offset + length > total:
        raise ViewError("an encrypted volume could not be shown: its header says that it is larger than its place")
    runs, before = [], 0
    for number, extent in places:
        # What of the data is in this run, counted from the volume's first byte.
        start, end = max(how.offset, before), min(how.offset + length, before + extent.length)
        if start < end:
            runs.append((str(disks[number]), extent.start + start - before, end - start))
        before += extent.length
    return runs


def _flush(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
