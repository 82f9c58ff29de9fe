"""Patience with a network that comes up and a server that recovers: exponential backoff with jitter, up to a limit, and
somebody at the console always knows what is waited for and for how long.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from xeninstall.base.http import HttpError
from xeninstall.base.sizes import format_duration

_PAUSE_MAXIMUM_SECONDS = 60.0
_JITTER = 0.25  # a fleet that was switched on together must not ask together

T = TypeVar("T")


def persist(
    attempt: Callable[[], T],
    limit_seconds: float,
    tell: Callable[[str], None],
    obstacle: Callable[[HttpError], str],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `attempt` gives, tried again while its failure is transient. `obstacle` says what is waited for.

    Raises HttpError: at once what waiting does not mend, and the last one after the limit.
    """
    began, pause = clock(), 1.0
    while True:
        try:
            return attempt()
        except HttpError as error:
            if not error.transient:
                raise
            left = limit_seconds - (clock() - began)
            wait = min(pause, _PAUSE_MAXIMUM_SECONDS) * random.uniform(1 - _JITTER, 1 + _JITTER)
            if wait >= left:
                message = f"{error.message}; given up after {format_duration(clock() - began)}"
                raise HttpError(error.trouble, message, hint=error.hint, status=error.status) from None
            tell(f"waiting for {obstacle(error)}: {error.message}; next try in {format_duration(max(wait, 1))}, "
                 f"giving up in {format_duration(left)}")  # fmt: skip
            sleep(wait)
            pause *= 2
