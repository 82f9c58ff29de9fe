"""Disks on their way to a target: a connection that breaks is made again, and the copy goes on from its last checkpoint."""

import threading
from collections.abc import Callable
from contextlib import suppress

from xeninstall.base.events import Emit, Note

from .copy import Copy, Outcome
from .target.model import Delivery, Lost, Target
from .task import Task

# Before each new try; what got further in between earns the whole row again. About five minutes in all.
WAITS_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0, 60.0)


class Sending:
    """The disks of one delivery; `send` is called for each in a thread of its own."""

    def __init__(self, target: Target, delivery: Delivery, limit: int | None, emit: Emit, stop: threading.Event) -> None:
        self._target, self._delivery, self._limit, self._emit, self._stop = target, delivery, limit, emit, stop
        self._lock = threading.Lock()
        self._logins = 0  # how often it was necessary again

    def send(self, task: Task, tell: Callable[[int], None]) -> Outcome:
        """One disk to its end. Raises Lost when it stays lost, and whatever else stops a copy."""
        assert task.journal is not None
        tries = 0
        while True:
            before, logins = task.journal.record.at, self._logins
            try:
                return self._once(task, tell)
            except Lost as error:
                tries = 0 if task.journal.record.at > before else tries
                if tries >= len(WAITS_SECONDS) or self._stop.is_set():
                    raise
                wait, tries = WAITS_SECONDS[tries], tries + 1
                self._emit(Note(f"{error.message}; trying again in {wait:g} s", warning=True))
                if self._stop.wait(wait):
                    raise
                self._again(logins)

    def _again(self, logins: int) -> None:
        """Log in, unless another disk did so meanwhile."""
        with self._lock:
            if self._logins == logins:
                with suppress(Lost):  # The next try says why.
                    self._target.login()
                    self._logins += 1

    def _once(self, task: Task, tell: Callable[[int], None]) -> Outcome:
        journal = task.journal
        assert journal is not None
        if task.is_copied:
            record = journal.record
            return Outcome(record.length_bytes or 0, task.disk_bytes, 0.0, tuple(record.bad), record.manifest)
        number, length = task.goal.disks[0], task.writer.length_bytes
        assert length is not None
        sink = self._delivery.sink(number, journal.record.at, length)
        # A copy that fails sets its own signal, and that must not stop the next try.
        own, over = threading.Event(), threading.Event()
        follower = threading.Thread(target=_follow, args=(self._stop, own, over), daemon=True)
        follower.start()
        try:
            every = self._delivery.checkpoint_seconds
            return Copy(task.writer, task.readers, sink, journal, tell=tell, limit=self._limit, stop=own, every=every).run()
        finally:
            over.set()
            sink.close()


def _follow(stop: threading.Event, own: threading.Event, over: threading.Event) -> None:
    while not over.wait(0.05):
        if stop.is_set():
            own.set()
            return
