"""Events as lines on standard error, since standard output may be the image: one line that moves on a terminal, or JSON lines."""

import json
import sys
import time
from typing import TextIO

from xeninstall.base.events import Emit, Event, Finished, Note, Progress, StageFinished, StageStarted, event_json
from xeninstall.base.sizes import format_duration, format_size


class Lines:
    """For people. Repaints at most five times a second; elsewhere than on a terminal it says a line every tenth of the way."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._live = out, out.isatty()
        self._began, self._painted, self._tenth = 0.0, 0.0, 0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted(title=title):
                self._began, self._tenth = time.monotonic(), 0
                self._line(f"{title} …")
            case Progress(done_bytes=done, total_bytes=total):
                self._progress(done, total)
            case StageFinished():
                self._clear()
            case Note(text=text, warning=warning):
                self._line(f"  {'Warning: ' if warning else ''}{text}")
            case Finished(seconds=seconds, facts=facts):
                for name, fact in facts.items():
                    self._line(f"  {name}: {fact}")
                self._line(f"Done in {format_duration(seconds)}.")
            case _:
                pass

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        tenth = done * 10 // max(total, 1)
        if (now - self._painted < 0.2 and done < total) if self._live else tenth <= self._tenth:
            return
        self._painted, self._tenth = now, tenth
        rate = done / max(now - self._began, 0.001)
        left = format_duration((total - done) / rate) if rate else "?"
        share = f"{done * 100 // max(total, 1):>3} %  {format_size(done)} of {format_size(total)}"
        text = f"  {share}  {format_size(int(rate))}/s  {left} left"
        if self._live:
            self._out.write(f"\r{text[:78]:<78}")
            self._out.flush()
        else:
            self._line(text)

    def _clear(self) -> None:
        if self._live:
            self._out.write(f"\r{'':<78}\r")
            self._out.flush()

    def _line(self, text: str) -> None:
        self._clear()
        self._out.write(f"{text}\n")
        self._out.flush()


def shown(*, as_json: bool, quiet_stdout: bool = False) -> Emit:
    """How events are shown. JSON goes to standard output, unless that is where the image goes."""
    if not as_json:
        return Lines(sys.stderr)
    out = sys.stderr if quiet_stdout else sys.stdout

    def emit(event: Event) -> None:
        out.write(json.dumps(event_json(event)) + "\n")
        out.flush()

    return emit
