"""Time zone, and where chrony gets the time from."""

from typing import Any

from xeninstall.host.tree import Tree
from xeninstall.plan.time import CHRONY, LOCALTIME, SERVICE_LINK

_ZONES = "zoneinfo/"


def read(tree: Tree) -> dict[str, Any] | None:
    """None where chrony is not set up."""
    zone = tree.link(LOCALTIME).partition(_ZONES)[2] or (tree.text("/etc/timezone") or "").strip()
    out: dict[str, Any] = {"zone": zone} if zone else {}
    text = tree.text(CHRONY)
    if text is None or not tree.link(SERVICE_LINK):
        return out | {"ntp": "none"}
    words = [line.split() for line in text.splitlines()]
    if any(line[:1] in (["pool"], ["sourcedir"]) for line in words):
        return out | {"ntp": "dhcp"}
    servers = [line[1] for line in words if line[:1] == ["server"] and len(line) > 1]
    return out | ({"ntp": "servers", "servers": servers} if servers else {"ntp": "none"})
