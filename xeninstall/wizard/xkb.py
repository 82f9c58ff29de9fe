"""The keyboard layouts and variants that XKB has, from its own list (package xkb-data), and how a console gets one."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner

_LISTS = ("/usr/share/X11/xkb/rules/base.lst", "/usr/share/X11/xkb/rules/evdev.lst")
_LAYOUT = re.compile(r"\s*([a-z][a-z0-9_]{1,19})\s+(\S.*)")
_VARIANT = re.compile(r"\s*([A-Za-z0-9_-]{1,40})\s+([a-z][a-z0-9_]{1,19}):\s*(\S.*)")
# Where the list is missing, these at least can be chosen; another one can still stand in an answer file.
_COMMON = """\
! layout
  us              English (US)
  gb              English (UK)
  de              German
  fr              French
  es              Spanish
  it              Italian
  pl              Polish
  ch              German (Switzerland)
! variant
  nodeadkeys      de: German (no dead keys)
"""


@dataclass(frozen=True)
class Layout:
    """A layout, or one of its variants; `title` is XKB's own description."""

    layout: str
    variant: str
    title: str


@cache
def layouts() -> tuple[Layout, ...]:
    """All of them, each layout before its variants."""
    for name in _LISTS:
        if Path(name).is_file():
            return parse(Path(name).read_text(encoding="utf-8", errors="replace"))
    return parse(_COMMON)


def parse(text: str) -> tuple[Layout, ...]:
    """What a rules/*.lst file lists under `! layout` and `! variant`."""
    plain: dict[str, Layout] = {}
    variants: dict[str, list[Layout]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("!"):
            section = line[1:].strip()
        elif section == "layout" and (found := _LAYOUT.fullmatch(line)) and found[1] != "custom":
            plain[found[1]] = Layout(found[1], "", found[2])
        elif section == "variant" and (found := _VARIANT.fullmatch(line)):
            variants.setdefault(found[2], []).append(Layout(found[2], found[1], found[3]))
    return tuple(one for layout in plain.values() for one in (layout, *variants.get(layout.layout, [])))


def apply(chosen: Layout, runner: Runner) -> None:
    """Give the Linux consoles this layout now. Raises Error when the tools are missing or refuse it."""
    keymap = runner.run(["ckbcomp", "-layout", chosen.layout, *(["-variant", chosen.variant] if chosen.variant else [])])
    if not keymap.stdout.strip():
        raise Error(f"ckbcomp knows no layout {chosen.layout} {chosen.variant}".rstrip(), hint="choose another one")
    runner.run(["loadkeys", "-"], stdin=keymap.stdout.encode())
