"""Progress events to a URL of the user's, from a thread of its own: a slow or dead server never holds the installation up."""

import json
import queue
import threading
import time
from collections.abc import Mapping

from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Event, Failed, Finished, Note, Progress, event_json
from xeninstall.base.http import HttpError, Trouble, Trust, exchange

_TIMEOUT_SECONDS = 5
_LAST_WORDS_SECONDS = 15
_PAUSE_SECONDS = 0.5
_ANSWER_MAXIMUM_BYTES = 2**16
# In words without the URL, since its path often is a token.
_WORDS = {
    Trouble.NAME: "its name is not resolved",
    Trouble.CONNECT: "no connection",
    Trouble.TIMEOUT: "it took too long",
    Trouble.TRUST: "its certificate is not trusted",
    Trouble.CLOCK: "its certificate is not valid at this machine's time",
    Trouble.REDIRECT: "it is redirected elsewhere",
    Trouble.PROTOCOL: "what answers is not HTTP, or the URL is none",
    Trouble.SIZE: "its answer is too large",
}


class Webhook:
    """Use as a context manager around the run; `tell` hands an event over and returns at once. `about` goes along with every
    event, so that the server knows whose it is.
    """

    def __init__(self, url: str, emit: Emit, trust: Trust | None = None, about: Mapping[str, str] | None = None) -> None:
        self._url, self._emit = url, emit
        self._trust, self._about = trust or Trust(), dict(about or {})
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._warned = False
        self._thread = threading.Thread(target=self._post_all, name="webhook", daemon=True)

    def __enter__(self) -> "Webhook":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self._thread.join(_LAST_WORDS_SECONDS)

    def tell(self, event: Event) -> None:
        """Queue an event; byte-by-byte progress stays here, stages and results go out."""
        if not isinstance(event, Progress):
            self._events.put(event)

    def _post_all(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._post(event)
            except Error as error:
                if not self._warned:
                    self._warned = True
                    reason = _reason(error)
                    self._emit(Note(f"the webhook does not answer ({reason}); the installation goes on", warning=True))

    def _post(self, event: Event) -> None:
        machine = {"machine": self._about} if self._about else {}
        body = json.dumps({**event_json(event), **machine}).encode()
        # How it ended is worth more than one try.
        deadline = time.monotonic() + (_LAST_WORDS_SECONDS * 0.8 if isinstance(event, Failed | Finished) else 0)
        pause = _PAUSE_SECONDS
        while True:
            try:
                exchange(
                    self._url, body=body, trust=self._trust, limit_bytes=_ANSWER_MAXIMUM_BYTES, timeout_seconds=_TIMEOUT_SECONDS
                )
                return
            except HttpError as error:
                if not error.transient or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
                pause *= 2


def _reason(error: Error) -> str:
    if isinstance(error, HttpError):
        return f"status {error.status}" if error.trouble is Trouble.STATUS else _WORDS[error.trouble]
    return type(error).__name__
