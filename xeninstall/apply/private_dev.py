"""A /dev for programs that run inside the host being installed: the usual character devices and the target's own block
devices, nothing of any other disk. /dev/disk/by-uuid holds the root, since grub-mkconfig believes in a UUID only there.
"""

import os
import stat
from pathlib import Path

_CHARACTER_DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def populate(directory: Path, nodes: list[Path], root_node: Path, root_uuid: str) -> None:
    """Fill an empty tmpfs: `nodes` are block devices of this machine to show under the same names."""
    for name, (major, minor) in _CHARACTER_DEVICES.items():
        _node(directory / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
    for name, to in _LINKS.items():
        (directory / name).symlink_to(to)
    (directory / "shm").mkdir(mode=0o1777)
    for node in dict.fromkeys([*nodes, root_node]):
        place = directory / node.relative_to("/dev")
        place.parent.mkdir(parents=True, exist_ok=True)
        _node(place, stat.S_IFBLK | 0o600, node.stat().st_rdev)
    by_uuid = directory / "disk/by-uuid"
    by_uuid.mkdir(parents=True)
    (by_uuid / root_uuid).symlink_to(Path("/dev") / root_node.relative_to("/dev"))


def block_nodes(disk: str) -> list[Path]:
    """The node of a disk, of its partitions, and of what is assembled from them (md, device-mapper)."""
    name = Path(os.path.realpath(disk)).name
    top = Path("/sys/class/block") / name
    if not top.exists():
        return []
    found = [name, *(part.name for part in sorted(top.iterdir()) if (part / "partition").exists())]
    for part in list(found):
        holders = Path("/sys/class/block") / part / "holders"
        found += [holder.name for holder in sorted(holders.iterdir())] if holders.is_dir() else []
    return [node for entry in dict.fromkeys(found) if (node := Path("/dev") / entry).is_block_device()]


def _node(path: Path, mode: int, number: int) -> None:
    os.mknod(path, mode, number)
    path.chmod(stat.S_IMODE(mode))
