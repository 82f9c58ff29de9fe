"""Interruptions that wait: what was taken is noted before Ctrl+C or SIGTERM ends the run, or nobody gives it back."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held() -> Iterator[None]:
    """Signals that end the run take effect when the block is left. For short work only: a mount, and the note of it.

    Signals reach the main thread only; in another one there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kept = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None:  # None: somebody other than Python had set it
                signal.signal(number, handler)
        if came:
            os.kill(os.getpid(), came[0])
