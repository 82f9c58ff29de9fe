"""Progress events to a URL of the user's, from a thread of its own: a slow or dead server never holds the installation up."""

import http.client
import json
import queue
import threading
import urllib.error
import urllib.request

from xeninstall.base.events import Emit, Event, Note, Progress, event_json

_TIMEOUT_SECONDS = 5
_LAST_WORDS_SECONDS = 15


class Webhook:
    """Use as a context manager around the run; `tell` hands an event over and returns at once."""

    def __init__(self, url: str, emit: Emit) -> None:
        self._url, self._emit = url, emit
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
            body = json.dumps(event_json(event)).encode()
            try:
                request = urllib.request.Request(self._url, data=body, headers={"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
                    pass
            except (OSError, ValueError, http.client.HTTPException) as error:
                if not self._warned:
                    self._warned = True
                    # The URL may carry a token, so it is not repeated here.
                    reason = error.reason if isinstance(error, urllib.error.URLError) else type(error).__name__
                    self._emit(Note(f"the webhook does not answer ({reason}); the installation goes on", warning=True))
