"""What a target shows of a disk, read from the reply to a request, compared with the digests of what was sent."""

import http.client
from collections.abc import Callable

import xxhash

from xeninstall.base.sizes import MIB

from ..journal import Journal
from .model import TargetError

_AT_ONCE = 4 * MIB


def compare(
    response: http.client.HTTPResponse, journal: Journal, total_bytes: int, name: str, hint: str, tell: Callable[[int, int], None]
) -> str:
    """Read up to the last chunk, telling bytes done and in all. Returns how it was compared, in words.

    Raises TargetError with that hint, naming the disk and the first place that differs; OSError and HTTPException of the reply.
    """
    place = 0
    for chunk in sorted(journal.record.chunks, key=lambda chunk: chunk.offset):
        while place < chunk.offset:
            place += len(_read(response, min(_AT_ONCE, chunk.offset - place)))
            tell(place, total_bytes)
        if xxhash.xxh3_128_hexdigest(_read(response, chunk.length)) != chunk.digest:
            raise TargetError(f"{name} differs at byte {chunk.offset} from what was sent", hint=hint)
        place += chunk.length
        tell(place, total_bytes)
    return f"{len(journal.record.chunks)} chunks were read back and compared"


def _read(response: http.client.HTTPResponse, length: int) -> bytes:
    data = response.read(length)
    if len(data) < length:
        raise http.client.IncompleteRead(data)
    return data
