"""How fast each part of the way is, as far as it can be measured or asked: the disks, the folder, the network to a host."""

import os
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.sizes import MIB, format_size

from .blockmap.model import DiskMap
from .types import DiskReader

_SAMPLE_BYTES = 96 * MIB
_SAMPLE_SECONDS = 1.5
_BLOCK_BYTES = 8 * MIB


@dataclass(frozen=True)
class Pace:
    """`of` says of what, and how it is known: `the disks, measured`."""

    of: str
    bytes_per_second: float

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.of}: {format_size(round(self.bytes_per_second))} a second"


def of_disks(readers: Sequence[DiskReader], maps: Sequence[DiskMap]) -> Pace | None:
    """By reading a sample of what is in use."""
    began, done = time.monotonic(), 0
    for reader, disk_map in zip(readers, maps, strict=True):
        for extent in disk_map.block_map.used:
            if done >= _SAMPLE_BYTES or time.monotonic() - began > _SAMPLE_SECONDS:
                break
            try:
                done += len(reader.read(extent.start, min(extent.length, _BLOCK_BYTES)))
            except OSError:
                continue
    return Pace("the disks, measured", done / max(time.monotonic() - began, 0.001)) if done else None


def of_folder(folder: Path) -> Pace | None:
    """By writing a sample into a file without a name; None where none can be written."""
    block = os.urandom(_BLOCK_BYTES)  # a file system may compress
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            began, done = time.monotonic(), 0
            while done < _SAMPLE_BYTES and time.monotonic() - began < _SAMPLE_SECONDS:
                done += file.write(block)
                file.flush()
                os.fdatasync(file.fileno())
            return Pace(f"{folder}, measured", done / max(time.monotonic() - began, 0.001))
    except OSError:
        return None


def of_link(host: str) -> Pace | None:
    """By the speed that the card towards the host says its link has; None where none says it."""
    import psutil  # here, because it takes long to load, and only a host is reached by a card

    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as towards:
            towards.connect(address)  # of datagrams: nothing is sent
            own = towards.getsockname()[0].partition("%")[0]
    except OSError:
        return None
    cards = [name for name, found in psutil.net_if_addrs().items() if any(one.address.partition("%")[0] == own for one in found)]
    stats = psutil.net_if_stats()
    speed = next((stats[name].speed for name in cards if name in stats), 0)
    # A link's bits are not all payload: frames, IP and TCP take their part of them.
    return Pace(f"the link of {cards[0]}, {speed} Mbit/s", speed * 1e6 / 8 * 0.94) if 0 < speed < 10**7 else None
