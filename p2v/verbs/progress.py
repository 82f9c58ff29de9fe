"""Events as lines on standard error, since standard output may be the image: lines that move on a terminal, or JSON lines."""

import json
import sys
import time
from pathlib import Path
from typing import TextIO

from xeninstall.base.events import Emit, Event, Finished, Note, Progress, StageFinished, StageStarted, event_json
from xeninstall.base.sizes import format_duration, format_size

from ..convert import PART

_NAME_WIDTH, _WIDTH = 16, 78


class Lines:
    """For people: a line for each image where there are several, and one for all.

    Repaints at most five times a second; elsewhere than on a terminal it says a line every tenth of the way.
    """

    def __init__(self, out: TextIO) -> None:
        self._out, self._live = out, out.isatty()
        self._began = self._painted = 0.0
        self._at: dict[str, tuple[int, int]] = {}  # by stage: done, total
        self._tenths: dict[str, int] = {}
        self._up = 0  # lines of the block on the screen above the cursor's

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted(title=title):
                self._began = time.monotonic()
                self._at.clear()
                self._tenths.clear()
                self._line(f"{title} …")
            case Progress(stage=stage, done_bytes=done, total_bytes=total):
                self._progress(stage, done, total)
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

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._at[stage] = (done, total)
        now = time.monotonic()
        if self._live:
            # The line for all comes last, so that the block is painted whole.
            if PART not in stage and (now - self._painted >= 0.2 or done >= total):
                self._painted = now
                self._paint(now)
            return
        tenth = done * 10 // max(total, 1)
        if tenth > self._tenths.get(stage, 0):
            self._tenths[stage] = tenth
            self._line(self._text(stage, now))

    def _paint(self, now: float) -> None:
        texts = [self._text(stage, now) for stage in sorted(self._at, key=lambda stage: (PART not in stage, stage))]
        self._clear()
        self._out.write("\n".join(f"{text[:_WIDTH]:<{_WIDTH}}" for text in texts))
        self._up = len(texts) - 1
        self._out.flush()

    def _text(self, stage: str, now: float) -> str:
        done, total = self._at[stage]
        rate = done / max(now - self._began, 0.001)
        left = format_duration((total - done) / rate) if rate else "?"
        share = f"{done * 100 // max(total, 1):>3} %  {format_size(done)} of {format_size(total)}"
        several = any(PART in other for other in self._at)
        name = Path(stage.partition(PART)[2]).name or "all"
        return f"  {f'{name[:_NAME_WIDTH]:<{_NAME_WIDTH}}' if several else ''}{share}  {format_size(int(rate))}/s  {left} left"

    def _clear(self) -> None:
        if self._live:
            blank = f"\r{'':<{_WIDTH}}\r"
            self._out.write(blank + f"\x1b[A{blank}" * self._up)
            self._out.flush()
            self._up = 0

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
