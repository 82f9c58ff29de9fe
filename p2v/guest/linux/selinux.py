"""SELinux: what was written here has no label, so that the guest labels its files anew at its first start."""

import re

from ..changes import Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, is_file, text

_ACTIVE = re.compile(r"^\s*SELINUX=(?:enforcing|permissive)\b", re.MULTILINE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    del guest
    if not _ACTIVE.search(text(tree, "/etc/selinux/config") or "") or is_file(tree, "/.autorelabel"):
        return Planned()
    remark = "its first start takes longer, and starts once again by itself, since SELinux labels all files anew"
    return Planned((WriteFile("/.autorelabel", b"", "SELinux labels the files at the first start"),), (remark,))


REPAIR = Repair("selinux", "files have their SELinux labels", _plan)
