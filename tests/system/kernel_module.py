"""A real module from outside of the kernel's tree, built against Debian's headers of the very kernel that the image has."""

import shutil
import subprocess
from pathlib import Path

from .installer import REPOSITORY

SOURCE = REPOSITORY / "tests/data/module"
_CACHE = REPOSITORY / "build/test-modules"


def built_for(kernel: str) -> Path:
    """The module's file, made once for each kernel: a minute and a half, and half a gigabyte that is given back at once."""
    made = _CACHE / kernel / "packtest.ko"
    if not made.is_file() or made.stat().st_mtime < (SOURCE / "packtest.c").stat().st_mtime:
        made.parent.mkdir(parents=True, exist_ok=True)
        root = _CACHE / "headers"
        shutil.rmtree(root, ignore_errors=True)
        try:
            _build(kernel, root)
            shutil.copyfile(root / "root/module/packtest.ko", made)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return made


def _build(kernel: str, root: Path) -> None:
    # Their own mount namespace: whatever happens, nothing stays mounted in the tree that is removed after.
    packages = f"linux-headers-{kernel},gcc,make"
    bootstrap = [
        "unshare",
        "--mount",
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=apt",
        f"--include={packages}",
    ]
    subprocess.run([*bootstrap, "trixie", str(root)], check=True, capture_output=True, text=True)
    shutil.copytree(SOURCE, root / "root/module")
    make = ["make", "-s", "-C", f"/lib/modules/{kernel}/build", "M=/root/module", "modules"]
    subprocess.run(["chroot", str(root), *make], check=True, capture_output=True, text=True)
