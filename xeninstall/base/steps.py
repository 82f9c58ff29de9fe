"""Narration: `with step("Unpacking the system"):` logs the start, the end and the time of a piece of work."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("xeninstall")


@contextmanager
def step(text: str) -> Iterator[None]:
    """Log what begins and how it ended; an exception passes through, named once."""
    started = time.monotonic()
    log.info("%s …", text)
    try:
        yield
    except BaseException as error:
        log.info("%s: stopped after %.1f s (%s)", text, time.monotonic() - started, type(error).__name__)
        raise
    log.info("%s: done in %.1f s", text, time.monotonic() - started)
