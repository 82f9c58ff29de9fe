"""Device names that hold on one machine only, and what names the same volume everywhere."""

import re
from dataclasses import dataclass

from ..model import Hardware, Named

_NAMES = (
    re.compile(r"/dev/(?:sd|hd|vd|xvd|ubd)(?P<letters>[a-z]{1,3})(?P<part>\d*)"),
    re.compile(r"/dev/nvme(?P<number>\d+)n\d+(?:p(?P<part>\d+))?"),
    re.compile(r"/dev/(?:cciss|ida|rd)/c\d+d(?P<number>\d+)(?:p(?P<part>\d+))?"),
    re.compile(r"/dev/mmcblk(?P<number>\d+)(?:p(?P<part>\d+))?"),
    re.compile(r"/dev/mapper/(?:mpath[a-z]+|3[0-9a-f]{16,32})(?:-part|p|_part)?(?P<part>\d*)"),
    re.compile(r"/dev/disk/by-(?:id|path)/(?!dm-|md-|lvm-)\S+?(?:-part(?P<part>\d+))?"),
)
# What fstab calls a file system → the layout's kinds.
_KINDS = {
    "ext2": "ext",
    "ext3": "ext",
    "ext4": "ext",
    "vfat": "fat",
    "msdos": "fat",
    "exfat": "exfat",
    "ntfs3": "ntfs",
    "ntfs-3g": "ntfs",
}


@dataclass(frozen=True)
class Found:
    """What a name means. `volume` is None when no volume fits or several do; `remark` says so."""

    volume: Named | None
    remark: str = ""


def is_local(name: str) -> bool:
    """Whether this name changes when the disk hangs on another controller."""
    return any(pattern.fullmatch(name) for pattern in _NAMES)


def resolve(name: str, hardware: Hardware, fstype: str = "") -> Found:
    """The volume that a device name of the old machine means."""
    match = next((match for pattern in _NAMES if (match := pattern.fullmatch(name))), None)
    if match is None:
        return Found(None)
    groups = match.groupdict()
    part = int(groups.get("part") or 0)
    wanted = _KINDS.get(fstype, fstype)
    fitting = [
        volume
        for volume in hardware.volumes
        if not volume.logical and volume.partition == part and (wanted in ("", "auto", "none", volume.kind))
    ]
    if hardware.disks > 1 and len(fitting) > 1:
        disk = _ordinal(groups)
        chosen = [volume for volume in fitting if volume.disk == disk]
        if len(chosen) == 1:
            return Found(chosen[0], f"{name} was taken for partition {part} of disk {disk + 1}, by the order of the disks")
    if len(fitting) == 1:
        return Found(fitting[0])
    what = "no volume fits" if not fitting else "several volumes fit"
    return Found(None, f"{name} stays as it is, since {what}: look at it in the virtual machine")


def logical_names(volume: Named) -> tuple[str, ...]:
    """The device names of a logical volume."""
    doubled = "-".join(part.replace("-", "--") for part in (volume.group, volume.logical))
    return (f"/dev/{volume.group}/{volume.logical}", f"/dev/mapper/{doubled}")


def stable(volume: Named, *, early: bool = False, random_key: bool = False) -> str | None:
    """`UUID=…`; `PARTUUID=…` for a kernel without an initramfs (`early`) and what is formatted at each start (`random_key`)."""
    if volume.uuid and not early and not random_key:
        return f"UUID={volume.uuid}"
    return f"PARTUUID={volume.partuuid}" if volume.partuuid else None


def _ordinal(groups: dict[str, str | None]) -> int:
    number = groups.get("number")
    if number:
        return int(number)
    ordinal = 0
    for letter in groups.get("letters") or "a":
        ordinal = ordinal * 26 + ord(letter) - ord("a") + 1
    return ordinal - 1
