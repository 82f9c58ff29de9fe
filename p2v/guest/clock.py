"""The time zone of a guest whose hardware clock runs on local time: a host that counts it from UTC has to know how far."""

import datetime
import zoneinfo

from .tree import Tree, text

_FOLDER = "zoneinfo/"


def zone_of(tree: Tree) -> str:
    """Its time zone by name, as /etc/localtime leads to it or Debian and old Red Hat write it; empty where none is told."""
    led = tree.link("/etc/localtime") or ""
    if _FOLDER in led:
        return led.partition(_FOLDER)[2]
    for line in (text(tree, "/etc/sysconfig/clock") or "").splitlines()[:100]:
        name, sign, value = line.partition("=")
        if sign and name.strip() in ("ZONE", "TIMEZONE"):
            return value.strip().strip("\"'")
    return (text(tree, "/etc/timezone") or "").split("\n", 1)[0].strip()


def offset_seconds(zone: str) -> int:
    """How far local time there is ahead of UTC now; 0 for a zone that nobody knows."""
    try:
        found = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).utcoffset()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return 0
    return int(found.total_seconds()) if found is not None else 0
