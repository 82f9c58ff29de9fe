"""Encrypted volumes for tests, with content and without device-mapper: LUKS1 by QEMU, LUKS2 by cryptsetup and our own cipher."""

import os
from contextlib import suppress
from pathlib import Path

from p2v.source.sectors import Sectors

from .disks import MIB, patch, run


def luks1(plain: Path, to: Path, word: str, *options: str) -> Path:
    """A LUKS1 volume with this content, written by QEMU."""
    secret = f"secret,id=key,data={word}"
    more = ["-o", ",".join(["key-secret=key", "iter-time=10", *options])]
    for _ in range(20):
        # It measures how fast it is, and gives up when the clock of this machine is too coarse for that.
        with suppress(AssertionError):
            run("qemu-img", "convert", "--object", secret, "-f", "raw", "-O", "luks", *more, plain, to)
            return to
    raise AssertionError("qemu-img does not find out how fast it is")


def luks2(plain: Path, to: Path, word: str, sector_bytes: int, *options: str) -> bytes:
    """A LUKS2 volume with this content; returns its key. Our own cipher fills it: the kernel reads one in tests of guests."""
    key = os.urandom(64)
    key_file = to.with_suffix(".key")
    key_file.write_bytes(key)
    with to.open("wb") as file:
        file.truncate(16 * MIB + plain.stat().st_size)
    argv: list[object] = ["cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--sector-size", sector_bytes, *options]
    argv += ["--volume-key-file", key_file, "--key-file", "-", to]
    run(*argv, stdin=word)
    patch(to, 16 * MIB, Sectors("aes-xts-plain64", key, sector_bytes, 0).encrypt(0, plain.read_bytes()))
    return key
