"""Outside judges of a copied file system: its own checker is content, and its files are the ones that were put in."""

import subprocess
import tempfile
from pathlib import Path

from tests.p2v.disks import FILES, run, unmount

CHECKERS = {
    "ext4": ("e2fsck", "-f", "-n"),
    "ext2": ("e2fsck", "-f", "-n"),
    "xfs": ("xfs_repair", "-n", "-f"),
    "btrfs": ("btrfs", "check"),
    "ntfs": ("ntfsfix", "-n"),
    "vfat": ("fsck.vfat", "-n"),
    "exfat": ("fsck.exfat", "-n"),
    "swap": ("swaplabel",),
}


def assert_whole(kind: str, part: Path) -> None:
    """The file system is clean, and its files are FILES."""
    if kind in CHECKERS:
        run(*CHECKERS[kind], part)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        match kind:
            case "ext4" | "ext2":
                run("debugfs", "-R", f"rdump / {tree}", part)
            case "btrfs":
                run("btrfs", "restore", part, tree)
            case "vfat":
                run("mcopy", "-s", "-i", part, "::/*", tree)
            case "ntfs":
                for name in ("a.txt", "big.bin", "empty"):
                    data = subprocess.run(["ntfscat", "-f", part, name], capture_output=True, check=True).stdout
                    assert data == FILES[name], name
                return
            case "xfs":
                run("mount", "-o", "loop,ro,norecovery,nouuid", part, tree)
                try:
                    compare(tree)
                finally:
                    unmount(tree)
                return
            case _:
                return
        compare(tree)


def compare(tree: Path) -> None:
    """Every file is there and right."""
    for name, data in FILES.items():
        assert (tree / name).read_bytes() == data, name
