"""Package sets, by what dpkg says is installed."""

import re
from typing import Any

from xeninstall.answers.host import PackageSet
from xeninstall.answers.package_sets import SETS
from xeninstall.host.tree import Tree

_STATUS = "/var/lib/dpkg/status"
_INSTALLED = re.compile(r"^Package: (\S+)\nStatus: \S+ \S+ installed$", re.MULTILINE)


def read(tree: Tree) -> dict[str, Any] | None:
    """A set is there when all of it is; None where dpkg's own list cannot be read."""
    text = tree.text(_STATUS, most_bytes=64 * 2**20)
    if text is None:
        return None
    there = set(_INSTALLED.findall(text))
    return {"sets": [PackageSet.BASE.value, *(one.value for one, names in SETS.items() if there.issuperset(names))]}
