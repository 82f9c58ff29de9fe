"""Events as lines: on a terminal one line that moves, with rate and time left; elsewhere a line a stage; or JSON lines."""

import json
import sys
import time
from typing import TextIO

from xeninstall.base.events import Event, Failed, Finished, Note, Progress, StageFinished, StageStarted, event_json
from xeninstall.base.sizes import format_duration, format_size


class Lines:
    """For people. Repaints at most five times a second, so that a serial line is not drowned."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._live = out, out.isatty()
        self._head, self._began, self._painted = "", 0.0, 0.0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted(title=title, number=number, total=total):
                self._head, self._began = f"[{number:>2}/{total}] {title}", time.monotonic()
                if self._live:
                    self._paint(self._head + " …")
            case Progress(done_bytes=done, total_bytes=total):
                self._progress(done, total)
            case StageFinished(stage=stage, seconds=seconds, skipped=skipped):
                self._line(f"[done ] {stage}: by an earlier run" if skipped else f"{self._head:<28} {seconds:6.1f} s")
            case Note(text=text, warning=warning):
                self._line(f"        {'Warning: ' if warning else ''}{text}")
            case Failed(stage=stage):
                self._line(f"{self._head:<28} FAILED ({stage})")
            case Finished(seconds=seconds):
                self._line(f"Done in {format_duration(seconds)}.")

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._live or (now - self._painted < 0.2 and done < total):
            return
        elapsed = max(now - self._began, 0.001)
        rate = done / elapsed
        left = format_duration((total - done) / rate) if rate else "?"
        self._paint(f"{self._head:<22} {done * 100 // max(total, 1):>3} %  {format_size(int(rate))}/s  {left} left")
        self._painted = now

    def _paint(self, text: str) -> None:
        self._out.write(f"\r{text[:78]:<78}")
        self._out.flush()

    def _line(self, text: str) -> None:
        self._out.write(f"\r{text:<78}\n" if self._live else f"{text}\n")
        self._out.flush()


def json_lines(event: Event) -> None:
    """For machines: one JSON object a line."""
    sys.stdout.write(json.dumps(event_json(event)) + "\n")
    sys.stdout.flush()
