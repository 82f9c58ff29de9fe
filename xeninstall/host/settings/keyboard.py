"""The console's keyboard."""

from typing import Any

from xeninstall.host.tree import Tree, assignments


def read(tree: Tree) -> dict[str, Any] | None:
    """The first layout of console-setup's file, and its variant."""
    found = assignments(tree.text("/etc/default/keyboard") or "")
    layout, variant = (found.get(name, "").partition(",")[0] for name in ("XKBLAYOUT", "XKBVARIANT"))
    if not layout:
        return None
    return {"layout": layout} | ({"variant": variant} if variant else {})
