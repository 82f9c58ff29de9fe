"""Linux swap space (kernel: include/linux/swap.h, union swap_header). Its header is all that a new boot needs."""

import struct
import uuid

from ..types import Reader
from .model import Content, Kind

_PAGES = (4096, 8192, 16384, 65536)
MARKS = (b"SWAPSPACE2", b"SWAP-SPACE")
HIBERNATED = {b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"}


def recognise(volume: Reader) -> Content | None:
    """Swap space, or None. `used_bytes` is the header's page."""
    for page in _PAGES:
        end = volume.read(page - 10, 10)
        if end in MARKS:
            return _swap(volume, page, "")
        if any(end.startswith(mark) for mark in HIBERNATED):
            return _swap(volume, page, "a hibernated system waits in it")
    return None


def _swap(volume: Reader, page: int, why: str) -> Content:
    last_page, identity, label = struct.unpack_from("<4xI4x16s16s", volume.read(1024, 64).ljust(64, b"\0"))
    return Content(
        Kind.SWAP,
        "Linux swap",
        label=label.split(b"\0")[0].decode("utf-8", "replace"),
        uuid=str(uuid.UUID(bytes=identity)),
        size_bytes=(last_page + 1) * page,
        used_bytes=page,
        whole_because=why,
    )
