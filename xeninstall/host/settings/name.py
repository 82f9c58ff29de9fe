"""Host name and domain."""

from typing import Any

from xeninstall.host.tree import Tree


def read(tree: Tree) -> dict[str, Any] | None:
    """From /etc/hostname, and the line of /etc/hosts that has the name with its domain."""
    words = (tree.text("/etc/hostname") or "").split()
    if not words:
        return None
    name, dot, domain = words[0].partition(".")
    for line in (tree.text("/etc/hosts") or "").splitlines() if not dot else ():
        names = line.partition("#")[0].split()[1:]
        long = [one for one in names if one.startswith(f"{name}.")]
        if name in names and long:
            domain = long[0].partition(".")[2]
            break
    return {"name": name} | ({"domain": domain} if domain else {})
