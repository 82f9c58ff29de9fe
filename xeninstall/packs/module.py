"""What a kernel module says of itself: its .modinfo is `key=value` texts, a NUL after each (linux/moduleparam.h)."""

import gzip
import lzma
import re
import tempfile
import zlib
from pathlib import Path

from xeninstall.base.run import Runner

from .errors import PackError
from .tree import Limits
from .watched import watched

_VERMAGIC = re.compile(rb"\0vermagic=([!-~]{1,120}) ")
_LIMITS = Limits(bytes=512 * 2**20)


def kernel_of(path: Path, runner: Runner) -> str:
    """The release of the kernel that a module was built for. Raises PackError for what is no module."""
    match = _VERMAGIC.search(b"\0" + _content(path, runner))
    if match is None:
        raise PackError(f"{path.name} is no kernel module", hint="build it against the headers of the kernel that it is for")
    return match[1].decode()


def _content(path: Path, runner: Runner) -> bytes:
    try:
        match path.suffix:
            case ".gz":
                with gzip.open(path) as file:
                    return file.read(_LIMITS.bytes)
            case ".xz":
                with lzma.open(path) as file:
                    return file.read(_LIMITS.bytes)
            case ".zst":
                return _unzstd(path, runner)
            case _:
                with path.open("rb") as plain:
                    return plain.read(_LIMITS.bytes)
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile):
        raise PackError(f"{path.name} cannot be decompressed", hint="it is damaged; get it again") from None


def _unzstd(path: Path, runner: Runner) -> bytes:
    with tempfile.TemporaryDirectory(prefix="xeninstall-module-") as place:
        out = Path(place) / "module.ko"
        done = watched(runner, ["zstd", "--decompress", "--quiet", "-o", str(out), str(path)], out, _LIMITS)
        if done.status != 0:
            raise PackError(f"{path.name} cannot be decompressed", hint="it is damaged; get it again")
        return out.read_bytes()
