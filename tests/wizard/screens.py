"""Golden screens: what is on the screen as text, with its attributes noted below, compared with a file that was looked at."""

import difflib
import os
from typing import Any

from rich.style import Style
from textual.pilot import Pilot

from .driving import DATA, SIZE

SCREENS = DATA / "screens"
_WIDTH = SIZE[0]


def text_of(pilot: Pilot[Any]) -> list[str]:
    """The lines of the screen, without trailing blanks."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips_of(pilot)]


def words_of(pilot: Pilot[Any]) -> str:
    """Everything on the screen as one text, whatever line it was broken at."""
    return " ".join(" ".join(text_of(pilot)).split())


def attributes_of(pilot: Pilot[Any]) -> list[str]:
    """`line: from-to attributes` for everything that is not plain; columns count from 1, as do lines."""
    out = []
    for number, strip in enumerate(strips_of(pilot), 1):
        runs: list[tuple[int, int, str]] = []
        column = 1
        for segment in strip:
            end = column + len(segment.text) - 1
            word = _attributes(segment.style) if segment.text else ""
            if word and runs and runs[-1][2] == word and runs[-1][1] == column - 1:
                runs[-1] = (runs[-1][0], end, word)
            elif word:
                runs.append((column, end, word))
            column = end + 1
        if runs:
            out.append(f"{number:>2}: " + "; ".join(f"{begin}-{end} {word}" for begin, end, word in runs))
    return out


def golden(pilot: Pilot[Any], name: str) -> None:
    """Compare with tests/data/screens/NAME.txt; RENEW_GOLDEN=1 or --renew-golden writes it instead."""
    lines = text_of(pilot)
    assert len(lines) == SIZE[1]
    assert all(len(line) <= _WIDTH for line in lines)
    shown = "\n".join([*(f"|{line}" for line in lines), "", *attributes_of(pilot)]) + "\n"
    path = SCREENS / f"{name}.txt"
    if os.environ.get("RENEW_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown)
        return
    kept = path.read_text() if path.is_file() else ""
    changed = "\n".join(difflib.unified_diff(kept.splitlines(), shown.splitlines(), str(path), "now", lineterm=""))
    assert kept == shown, f"the screen changed; look at it, and if it is meant: RENEW_GOLDEN=1\n{changed}"


def strips_of(pilot: Pilot[Any]) -> list[Any]:
    """The lines of the screen as segments with their styles."""
    # Textual offers no public way to its screen's text; this one is fixed by the pinned version.
    return list(pilot.app.screen._compositor.render_strips())


def _attributes(style: Style | None) -> str:
    if style is None:
        return ""
    words = [word for word in ("bold", "dim", "reverse", "underline") if getattr(style, word)]
    if style.color is not None and not style.color.is_default:
        words.append(style.color.name)
    if style.bgcolor is not None and not style.bgcolor.is_default:
        words.append(f"on {style.bgcolor.name}")
    return " ".join(words)
