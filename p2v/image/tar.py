"""Members of a tar archive as pieces of a stream."""

import tarfile

from ..types import Hole, Literal

BLOCK = 512


def header(name: str, size_bytes: int, time: int) -> bytes:
    """The member's header; GNU's binary sizes hold what is beyond 8 GiB."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size_bytes, time, 0o644
    return member.tobuf(tarfile.GNU_FORMAT)


def padding(size_bytes: int) -> list[Hole]:
    """What fills the member's last block."""
    rest = -size_bytes % BLOCK
    return [Hole(rest)] if rest else []


def member(name: str, data: bytes, time: int) -> Literal:
    """A whole small member."""
    return Literal(header(name, len(data), time) + data + bytes(-len(data) % BLOCK))


END = Literal(bytes(2 * BLOCK))
