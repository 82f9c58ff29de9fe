"""A pack as a tar archive, plain or compressed by gzip, xz or zstd: told by its first bytes, never by its name."""

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from xeninstall.base.run import Runner

from .errors import PackError
from .names import shown
from .tree import Limits, Tree, too_big
from .watched import watched

_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
_TAR_AT, _TAR = 257, b"ustar"
_HEADER_MAXIMUM_BYTES = 2**20
_XZ_MAXIMUM_BYTES = 512 * 2**20  # more than `xz -9` needs
_TYPES_OF_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_MODES = {
    tarfile.SYMTYPE: 0o120777,
    tarfile.LNKTYPE: 0o120777,
    tarfile.CHRTYPE: 0o020600,
    tarfile.BLKTYPE: 0o060600,
    tarfile.FIFOTYPE: 0o010600,
}
_CUT = "it is damaged or was cut off; copy or download it again"


def is_archive(head: bytes) -> bool:
    """Whether a file beginning so is an archive that we read."""
    return head.startswith((_GZIP, _XZ, _ZSTD)) or head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def read_archive(path: Path, tree: Tree, scratch: Path, limits: Limits, runner: Runner) -> None:
    """Unpack into the tree, member by member. Raises PackError."""
    with path.open("rb") as file:
        head = file.read(_TAR_AT + len(_TAR))
    if head.startswith(_ZSTD):
        path = _unzstd(path, scratch, limits, runner)
        _read(path, tree, limits, lambda file: file)
        path.unlink()
    elif head.startswith(_GZIP):
        _read(path, tree, limits, lambda file: gzip.GzipFile(fileobj=file))
    elif head.startswith(_XZ):
        _read(path, tree, limits, _Xz)
    else:
        _read(path, tree, limits, lambda file: file)


class _Member(tarfile.TarInfo):
    """tarfile reads a long name whole before anybody can look at its size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """See tarfile.TarInfo.frombuf."""
        member = super().frombuf(buf, encoding, errors)
        if member.type in _TYPES_OF_HEADERS and member.size > _HEADER_MAXIMUM_BYTES:
            raise PackError("the archive has a name longer than any file system takes", hint="do not use this pack")
        return member


class _Xz:
    """lzma.LZMAFile takes as much memory as the file asks for, gigabytes if it likes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._decompressor = file, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MAXIMUM_BYTES)

    def read(self, size: int) -> bytes:
        """Like any stream's."""
        while not self._decompressor.eof:
            data = self._file.read(2**16) if self._decompressor.needs_input else b""
            if self._decompressor.needs_input and not data:
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if out := self._decompressor.decompress(data, size):
                return out
        return b""


class _Limited(io.RawIOBase):
    """A stream that ends with an error where more comes out of it than a pack may hold, whatever the archive says of itself."""

    def __init__(self, inner: IO[bytes], limits: Limits) -> None:
        self._inner, self._limits = inner, limits
        self._left = limits.bytes + limits.headers_bytes
        self.read_anything = False

    def read(self, size: int = -1) -> bytes:
        """Like any stream's."""
        data = self._inner.read(min(size, 2**20) if size > 0 else 2**20)
        self._left -= len(data)
        if self._left < 0:
            raise too_big(self._limits)
        return data


def _read(path: Path, tree: Tree, limits: Limits, decompress: Callable[[IO[bytes]], object]) -> None:
    try:
        with path.open("rb") as file:
            stream = _Limited(decompress(file), limits)  # type: ignore[arg-type]
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member, errors="surrogateescape", bufsize=2**18) as tar:
                for member in tar:
                    _add(tar, member, tree)
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, ValueError, IndexError) as error:
        # The last two are tarfile's own where a header's numbers make no sense.
        raise PackError(f"the archive cannot be read to its end: {shown(str(error))}", hint=_CUT) from None


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree) -> None:
    mode = _MODES.get(member.type)
    if member.isdir():
        tree.directory(member.name)
    elif mode is not None:
        tree.add(member.name, mode, lambda _size: b"")
    elif not member.isreg():
        raise PackError(f"{shown(member.name)} is of a kind that no pack holds", hint="do not use this pack")
    else:
        if member.size > tree.left_bytes or member.sparse is not None:
            raise PackError(f"{shown(member.name)} is larger than a pack may be", hint="a pack is smaller; look at what this is")
        content = tar.extractfile(member)
        assert content is not None
        tree.add(member.name, 0o100000 | member.mode & 0o7777, content.read)


def _unzstd(path: Path, scratch: Path, limits: Limits, runner: Runner) -> Path:
    out = scratch / "unpacked.tar"
    done = watched(
        runner,
        ["zstd", "--decompress", "--quiet", "--force", "-o", str(out), str(path)],
        out,
        limits,
        more_bytes=limits.headers_bytes,
    )
    if done.status != 0:
        said = shown(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "zstd said nothing")
        if "No space left" in done.stderr:
            raise OSError(28, "No space left on device", str(out))
        raise PackError(f"the archive cannot be read to its end: {said}", hint=_CUT)
    return out
