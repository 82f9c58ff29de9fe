"""Which devices carry the running system and the boot medium: mounts, walked back to the devices under them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xeninstall.base.mountinfo import Mount, parse_mounts

from .look import Look

# What a running system cannot do without.
_SYSTEM = ("/", "/usr", "/boot", "/boot/efi", "/efi", "/var", "/var/lib", "/etc", "/opt", "/home", "/usr/local")
# Where live systems keep the medium they were loaded from: live-boot, Debian's older live systems, casper, archiso, dracut.
_MEDIUM = ("/run/live", "/lib/live/mount", "/cdrom", "/run/archiso", "/run/initramfs/live", "/run/initramfs/isoscan")


@dataclass(frozen=True)
class Carrier:
    """Something that must not be lost: the mount point, and the device (by number, node or ZFS pool) that carries it."""

    place: str
    number: str
    source: str
    pool: str = ""


def mounts(look: Look) -> tuple[Mount, ...]:
    """Every mount that we see."""
    return parse_mounts(look.text("/proc/self/mountinfo", noted="mounts") or "")


def system_carriers(look: Look, all_mounts: tuple[Mount, ...]) -> tuple[Carrier, ...]:
    """What the running system's own directories stand on."""
    return _all_carriers(look, all_mounts, [mount for mount in all_mounts if mount.place in _SYSTEM])


def medium_carriers(look: Look, all_mounts: tuple[Mount, ...]) -> tuple[Carrier, ...]:
    """What the live system was loaded from."""
    found = [
        mount for mount in all_mounts if any(mount.place == place or mount.place.startswith(place + "/") for place in _MEDIUM)
    ]
    return _all_carriers(look, all_mounts, found)


def _all_carriers(look: Look, all_mounts: tuple[Mount, ...], wanted: list[Mount]) -> tuple[Carrier, ...]:
    return tuple(carrier for mount in wanted for carrier in _carriers(look, all_mounts, mount, mount.place))


def _carriers(look: Look, all_mounts: tuple[Mount, ...], mount: Mount, place: str, depth: int = 0) -> Iterator[Carrier]:
    if depth > 8:  # loops on loops on loops: whoever built that has nested mounts on purpose, or a cycle
        return
    if mount.fstype == "zfs":
        yield Carrier(place, "", "", pool=mount.source.partition("/")[0])
        return
    yield Carrier(place, mount.number, mount.source)
    backing = ""
    if mount.source.startswith("/dev/loop"):
        backing = (look.text(f"/sys/block/{mount.source.removeprefix('/dev/')}/loop/backing_file") or "").rstrip("\n")
    layers = re.findall(r"(?:^|,)(?:lowerdir|upperdir)=([^,]+)", mount.options) if mount.fstype == "overlay" else []
    for path in [backing, *(one for layer in layers for one in layer.split(":"))]:
        below = _holding(all_mounts, path)
        if path.startswith("/") and below is not None and below != mount:
            yield from _carriers(look, all_mounts, below, place, depth + 1)


def _holding(all_mounts: tuple[Mount, ...], path: str) -> Mount | None:
    holders = [one for one in all_mounts if one.place == "/" or path == one.place or path.startswith(one.place + "/")]
    return max(holders, key=lambda one: len(one.place), default=None)
