"""How a run by stages is told, and how it ends: recorded in its journal, said once, with what to do next."""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from xeninstall.base.errors import Error, ExitCode, Stopped
from xeninstall.base.events import Emit, Failed, StageFinished, StageStarted
from xeninstall.base.steps import step

from .journal import Journal

_FULL = "the file system that holds the target or its journal is full: make room, then use the same command with --resume"


@contextmanager
def narrated(name: str, title: str, number: int, total: int, emit: Emit) -> Iterator[None]:
    """Events and log lines around a stage."""
    emit(StageStarted(name, title, number, total))
    started = time.monotonic()
    with step(title):
        yield
    emit(StageFinished(name, time.monotonic() - started))


class Ending:
    """The end of one run, in the `stage` at hand. Without `recording` nothing is recorded: the journal may be another run's."""

    def __init__(self, emit: Emit, journal: Journal, write: Callable[[], None], stage: str = "") -> None:
        self.stage, self.recording = stage, False
        self._emit, self._journal, self._write = emit, journal, write

    @contextmanager
    def told(self) -> Iterator[None]:
        """Around the whole run. Raises Error, or Stopped after Ctrl+C; both can be resumed."""
        try:
            yield
        except KeyboardInterrupt:
            self._record("stopped", "")
            stopped = Stopped(f"stopped during the stage {self.stage}", hint="go on later with the same command and --resume")
            self._emit(Failed(self.stage, stopped.message, stopped.hint, ExitCode.STOPPED))
            raise stopped from None
        except (Error, OSError) as cause:
            error = cause if isinstance(cause, Error) else _in_words(cause)
            error.hint = error.hint or "mend the cause, then use the same command with --resume"
            self._record("failed", error.message)
            self._emit(Failed(self.stage, error.message, error.hint, error.exit_code))
            raise error from (None if error is cause else cause)

    def _record(self, state: Literal["stopped", "failed"], message: str) -> None:
        # Before the first stage nothing was done that could be resumed.
        if self.recording and self._journal.stage:
            self._journal.state, self._journal.message = state, message
            with suppress(Error, OSError):
                self._write()  # the disk that should hold it may be the very cause; the first error is the one to show


def _in_words(error: OSError) -> Error:
    """An error of the system, as one of ours."""
    where = f"{error.filename}: " if error.filename else ""
    return Error(f"{where}{error.strerror or error}", hint=_FULL if error.errno == errno.ENOSPC else "")
