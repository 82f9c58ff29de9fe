"""Whether zstd pays on a wire: both ways are tried at the start, and again now and then, and the one that moves more is taken."""

import threading
from enum import StrEnum

_TRIED_FIRST = 4  # frames of each way, in turn
_TRIED_AGAIN = 48  # every so many frames one goes the other way
_WEIGHT = 0.15  # of the newest frame in the average


class Wire(StrEnum):
    """What `--wire` says."""

    AUTO = "auto"
    ZSTD = "zstd"
    NONE = "none"


class Choice:
    """For all connections of one disk together; from any thread."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._lock = wire, threading.Lock()
        self._count = 0
        self._rates: dict[bool, float] = {}  # plain bytes a second, by whether zstd was used

    def next(self) -> bool:
        """Whether the next frame is compressed."""
        if self._wire is not Wire.AUTO:
            return self._wire is Wire.ZSTD
        with self._lock:
            self._count += 1
            if self._count <= 2 * _TRIED_FIRST or len(self._rates) < 2:
                return self._count % 2 == 0
            better = self._rates[True] > self._rates[False]
            return better if self._count % _TRIED_AGAIN else not better

    def sent(self, compressed: bool, plain_bytes: int, seconds: float) -> None:
        """How long it took to code one frame and hand it to the connection."""
        rate = plain_bytes / max(seconds, 1e-6)
        with self._lock:
            known = self._rates.get(compressed)
            self._rates[compressed] = rate if known is None else known + _WEIGHT * (rate - known)
