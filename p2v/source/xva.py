"""One disk of an XVA archive as it was: its chunks are found by the headers of the tar, what has no chunk is zeros."""

import os
import tarfile
from pathlib import Path

from xeninstall.base.errors import Error

from .file import FileReader

_BLOCK = 512


class XvaError(Error):
    """An XVA cannot be read as one."""


class XvaReader(FileReader):
    """Disk `number`, counted from 0, of `size_bytes`. Raises XvaError."""

    def __init__(self, path: Path, number: int, size_bytes: int) -> None:
        super().__init__(path)
        try:
            self._chunks = self._find(number)
        except BaseException:
            self.close()
            raise
        self._chunk_bytes = max((length for _, length in self._chunks.values()), default=_BLOCK)
        self._disk_bytes = size_bytes

    @property
    def size_bytes(self) -> int:
        """The disk's size."""
        return self._disk_bytes

    def read(self, offset: int, length: int) -> bytes:
        """See Reader.read."""
        buffer = bytearray(max(min(length, self._disk_bytes - offset), 0))
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """See Reader.read_into."""
        done = 0
        while done < len(buffer):
            number, inside = divmod(offset + done, self._chunk_bytes)
            taken = min(self._chunk_bytes - inside, len(buffer) - done)
            part = buffer[done : done + taken]
            if number in self._chunks:
                super().read_into(self._chunks[number][0] + inside, part)
            else:
                part[:] = bytes(taken)
            done += taken

    def expect(self, offset: int, length: int) -> None:
        """See DiskReader.expect."""
        for number in range(offset // self._chunk_bytes, -(-(offset + length) // self._chunk_bytes)):
            if number in self._chunks:
                super().expect(*self._chunks[number])

    def _find(self, number: int) -> dict[int, tuple[int, int]]:
        found: dict[str, dict[int, tuple[int, int]]] = {}
        place, end = 0, self._size
        while place + _BLOCK <= end:
            header = os.pread(self._fd, _BLOCK, place)
            if not header.strip(b"\0"):
                break
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
            except tarfile.HeaderError as error:
                raise XvaError(f"{self.name} is damaged at byte {place}: {error}", hint="verify it") from None
            if member.size < 0:
                raise XvaError(f"{self.name} is damaged at byte {place}: a member of less than nothing", hint="verify it")
            ref, _, chunk = member.name.partition("/")
            if chunk.isdigit():
                found.setdefault(ref, {})[int(chunk)] = (place + _BLOCK, member.size)
            place += _BLOCK + -(-member.size // _BLOCK) * _BLOCK
        refs = sorted(found)
        if number >= len(refs):
            raise XvaError(f"{self.name} holds {len(refs)} disks, and disk {number + 1} is asked for")
        return found[refs[number]]
