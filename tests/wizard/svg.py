"""A screen as SVG, cell by cell: it shows alike in every browser, asks for nothing from the network and has no date in it.

Rich's own export has fonts from the network, and frames with gaps; both matter on a page that is read anywhere.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from rich.style import Style

from .driving import SIZE

_WIDE, _HIGH, _FONT = 12, 24, 20
_EDGE = 8
# The console's sixteen that the wizard uses, the dark ones lighter than the VGA's, for paper-white pages around them.
_COLOURS = {0: "#000", 1: "#e05050", 2: "#00aa00", 3: "#e6be3c", 4: "#0000aa", 5: "#aa00aa", 6: "#3cbebe", 7: "#ccc"}
_BACK, _FORE, _FAINT = "#000", "#ccc", "#777"
# Which way a frame's lines go from the middle of a cell: left, right, up, down.
_FRAMES = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu"}
_ENDS = {"l": (-_WIDE // 2, 0), "r": (_WIDE // 2, 0), "u": (0, -_HIGH // 2), "d": (0, _HIGH // 2)}


def svg(strips: Sequence[Any]) -> str:
    """The picture of a screen's lines."""
    width, height = SIZE[0] * _WIDE + 2 * _EDGE, SIZE[1] * _HIGH + 2 * _EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_EDGE} {-_EDGE} {width} {height}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{_FONT}">',
        f'<rect x="{-_EDGE}" y="{-_EDGE}" width="{width}" height="{height}" rx="6" fill="{_BACK}"/>',
    ]
    for row, strip in enumerate(strips):
        column = 0
        for segment in strip:
            out.extend(_run(segment.text, segment.style or Style(), column, row))
            column += len(segment.text)
    return "\n".join([*out, "</svg>"]) + "\n"


def _run(text: str, style: Style, column: int, row: int) -> Iterator[str]:
    fore, back = _colour(style.color, _FAINT if style.dim else _FORE), _colour(style.bgcolor, _BACK)
    if style.reverse:
        fore, back = back, fore
    x, y = column * _WIDE, row * _HIGH
    if back != _BACK:
        yield f'<rect x="{x}" y="{y}" width="{len(text) * _WIDE}" height="{_HIGH}" fill="{back}"/>'
    if style.underline:
        yield f'<rect x="{x}" y="{y + _HIGH - 3}" width="{len(text) * _WIDE}" height="1" fill="{fore}"/>'
    for found in re.finditer("[─│┌┐└┘]+", text):
        yield f'<path d="{_frame(found[0], x + found.start() * _WIDE, y)}" stroke="{fore}"/>'
    # Words one space apart go together; a wider gap begins anew, so that columns stay columns in any font.
    for found in re.finditer(r"[^\s─│┌┐└┘]+( [^\s─│┌┐└┘]+)*", text):
        weight = ' font-weight="bold"' if style.bold else ""
        yield (
            f'<text x="{x + found.start() * _WIDE}" y="{y + _HIGH - 6}" textLength="{len(found[0]) * _WIDE}" '
            f'fill="{fore}"{weight}>{escape(found[0], quote=False)}</text>'
        )


def _frame(text: str, x: int, y: int) -> str:
    middles = ((char, x + index * _WIDE + _WIDE // 2, y + _HIGH // 2) for index, char in enumerate(text))
    return "".join(f"M{a} {b}l{_ENDS[arm][0]} {_ENDS[arm][1]}" for char, a, b in middles for arm in _FRAMES[char])


def _colour(given: Any, default: str) -> str:
    return default if given is None or given.is_default else _COLOURS[given.number]
