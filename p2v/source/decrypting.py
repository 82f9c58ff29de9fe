"""A process that shows an encrypted volume's data to one client, by NBD's fixed newstyle protocol over a socket's file.

    python -m p2v.source.decrypting

It is told what to show, and the key, in one line of JSON on its standard input, and ends when that ends. QEMU is the client; it
aligns its requests to the sectors that it is told of. A process of its own, so that no lock of ours can wait for the file system
that waits for it.
"""

import base64
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .sectors import Sectors

# NetworkBlockDevice/nbd, doc/proto.md.
_MAGIC, _OPTION_MAGIC, _REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
_REQUEST, _SIMPLE = 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPT_ABORT, _OPT_INFO, _OPT_GO = 2, 6, 7
_REP_ACK, _REP_INFO, _REP_ERR_UNSUPPORTED = 1, 3, (1 << 31) | 1
_INFO_EXPORT, _INFO_BLOCK_SIZE = 0, 3
_HAS_FLAGS, _SEND_FLUSH = 1, 4
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_EIO, _EINVAL = 5, 22
_MOST_BYTES = 32 << 20


_Run = tuple[str, int, int]  # path, start and length in bytes


class _Volume:
    """The decrypted bytes of runs of files, one after the other. Offsets and lengths are whole sectors."""

    def __init__(self, runs: Sequence[_Run], sectors: Sectors) -> None:
        self._sectors = sectors
        self._runs = [(os.open(path, os.O_RDWR), start, length) for path, start, length in runs]
        self.size_bytes = sum(length for _, _, length in runs) // sectors.sector_bytes * sectors.sector_bytes

    def fits(self, offset: int, length: int) -> bool:
        size = self._sectors.sector_bytes
        return offset % size == 0 and length % size == 0 and 0 < length <= _MOST_BYTES and offset + length <= self.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        data = b"".join(self._whole(fd, at, count) for fd, at, count in self._parts(offset, length))
        return self._sectors.decrypt(offset, data)

    def write(self, offset: int, data: bytes) -> None:
        coded, done = memoryview(self._sectors.encrypt(offset, data)), 0
        for fd, at, count in self._parts(offset, len(data)):
            while count:
                written = os.pwrite(fd, coded[done : done + count], at)
                done, at, count = done + written, at + written, count - written

    def flush(self) -> None:
        for fd in {fd for fd, _, _ in self._runs}:
            os.fsync(fd)

    def _parts(self, offset: int, length: int) -> Iterator[tuple[int, int, int]]:
        for fd, start, size in self._runs:
            if offset < size and length:
                taken = min(length, size - offset)
                yield fd, start + offset, taken
                offset, length = size, length - taken
            offset -= size

    @staticmethod
    def _whole(fd: int, at: int, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            part = os.pread(fd, count - len(found), at + len(found))
            if not part:
                raise OSError(_EIO, "the volume ends too early")
            found += part
        return bytes(found)


class _Client:
    """One connection, from its greeting to its end."""

    def __init__(self, connection: socket.socket, volume: _Volume, sector_bytes: int) -> None:
        self._socket, self._volume, self._sector = connection, volume, sector_bytes

    def serve(self) -> None:
        if self._greeted():
            while self._answered():
                pass

    def _greeted(self) -> bool:
        self._socket.sendall(struct.pack(">QQH", _MAGIC, _OPTION_MAGIC, _FIXED_NEWSTYLE | _NO_ZEROES))
        self._receive(4)
        while True:
            _, option, length = struct.unpack(">QII", self._receive(16))
            self._receive(length)
            if option in (_OPT_GO, _OPT_INFO):
                sizes = struct.pack(">HIII", _INFO_BLOCK_SIZE, self._sector, 65536, _MOST_BYTES)
                told = struct.pack(">HQH", _INFO_EXPORT, self._volume.size_bytes, _HAS_FLAGS | _SEND_FLUSH)
                for info in (told, sizes):
                    self._reply(option, _REP_INFO, info)
                self._reply(option, _REP_ACK)
                if option == _OPT_GO:
                    return True
            elif option == _OPT_ABORT:
                self._reply(option, _REP_ACK)
                return False
            else:
                self._reply(option, _REP_ERR_UNSUPPORTED)

    def _reply(self, option: int, kind: int, data: bytes = b"") -> None:
        self._socket.sendall(struct.pack(">QIII", _REPLY_MAGIC, option, kind, len(data)) + data)

    def _answered(self) -> bool:
        _, _, kind, handle, offset, length = struct.unpack(">IHHQQI", self._receive(28))
        data, error = b"", 0
        written = self._receive(length) if kind == _WRITE else b""
        try:
            if kind == _DISCONNECT:
                return False
            if kind == _FLUSH:
                self._volume.flush()
            elif kind not in (_READ, _WRITE) or not self._volume.fits(offset, length):
                error = _EINVAL
            elif kind == _READ:
                data = self._volume.read(offset, length)
            else:
                self._volume.write(offset, written)
        except OSError as problem:
            error = problem.errno or _EIO
        self._socket.sendall(struct.pack(">IIQ", _SIMPLE, error, handle) + data)
        return True

    def _receive(self, length: int) -> bytes:
        if length > _MOST_BYTES:
            raise EOFError
        found = bytearray(length)
        view = memoryview(found)
        while view:
            taken = self._socket.recv_into(view)
            if not taken:
                raise EOFError
            view = view[taken:]
        return bytes(found)


def main() -> int:
    """Serve until standard input ends."""
    told = json.loads(sys.stdin.buffer.readline())
    key = base64.b64decode(told["key"])
    sectors = Sectors(told["cipher"], key, told["sector_bytes"], told["first_sector"])
    volume = _Volume(told["runs"], sectors)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(told["socket"])
        listening.listen(1)
        print("ready", flush=True)
        threading.Thread(target=_until_the_end, daemon=True).start()
        while True:
            connection, _ = listening.accept()
            with connection, suppress(EOFError, ConnectionError):
                _Client(connection, volume, sectors.sector_bytes).serve()


def _until_the_end() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # whoever told us is gone, or done


if __name__ == "__main__":
    sys.exit(main())
