"""xorg.conf for the old machine's graphics: without it X finds what is there."""

import re

from ..changes import Change, Planned, Remove, Repair
from ..model import Guest
from ..tree import Tree, find, text

_PHYSICAL = re.compile(
    r'^\s*Driver\s+"(?:nvidia|nv|nouveau|radeon|amdgpu|fglrx|ati|intel|mga|i810|ast|matrox)"', re.IGNORECASE | re.MULTILINE
)
_FILES = ("/etc/X11/xorg.conf", "/etc/X11/XF86Config", "/etc/X11/XF86Config-4", "/etc/X11/xorg.conf.d/*.conf")


def _plan(guest: Guest, tree: Tree) -> Planned:
    del guest
    changes: list[Change] = [
        Remove(path, "it asks for the old machine's graphics card")
        for pattern in _FILES
        for path in find(tree, pattern)
        if _PHYSICAL.search(text(tree, path) or "")
    ]
    return Planned(tuple(changes))


REPAIR = Repair("xorg", "the screen does not ask for the old graphics card", _plan)
