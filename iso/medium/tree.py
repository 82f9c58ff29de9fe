"""What lies on the medium, as a directory: the files, the identity that its parts know each other by, the list of their sums."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from iso.builder import SOURCE_DATE_EPOCH, every_path, write
from iso.measure import sha256

# Where `xeninstall start` looks for them, below the medium.
ANSWERS = "xeninstall/answers.toml"
SUMS = "SHA256SUMS"
LIVE = "live"
_BOOT = Path("iso/boot")
# Written into by xorriso when the image is made. Whoever checks the medium has been started by it.
_UNSUMMED = ("boot/grub/eltorito.img", SUMS)
_README = """This is the boot medium of xeninstall {version}: it installs a Xen host (Debian 13) on the machine that is started
from it, repairs one, or converts the machine into a virtual machine. Nothing is written before you say so.

live/system.squashfs  the host, as it is installed      live/live.squashfs  what only the running medium has
live/packages.txt     every package with its version    SHA256SUMS          of all files; sha256sum -c SHA256SUMS checks them
xeninstall/answers.toml  answers for an unattended installation, where some were built in
"""


def identity(files: Iterable[Path]) -> str:
    """32 hexadecimal digits that only a medium of exactly these files has."""
    return hashlib.sha256("".join(sha256(path) for path in files).encode()).hexdigest()[:32]


def place(source: Path, target: Path) -> None:
    """Put a file there without copying it where that is possible. The link is not written to: what is changed is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def fill(tree: Path, source: Path, boot: Path, live: dict[str, Path], packages: str, version: str) -> None:
    """Everything but answers and sums. `live` are the files below live/ by name; `boot` has the boot code."""
    name = identity([*live.values()])
    for file, path in live.items():
        place(path, tree / LIVE / file)
    write(tree / LIVE / "packages.txt", packages)
    write(tree / ".disk" / name, "")
    # Debian's signed GRUB takes the file system that has this file for its own.
    write(tree / ".disk/info", f"xeninstall {version} {name}\n")
    write(tree / "README.txt", _README.format(version=version))
    menu = (source / _BOOT / "grub.cfg").read_text(encoding="utf-8")
    write(tree / "boot/grub/grub.cfg", menu.replace("@MEDIUM@", name))
    for file in ("eltorito.img", "boot_hybrid.img"):
        place(boot / file, tree / "boot/grub" / file)
    for file in ("memtest86+x64.bin", "memtest86+x64.efi"):
        place(boot / file, tree / "boot" / file)
    for file in ("BOOTX64.EFI", "grubx64.efi", "mmx64.efi"):
        place(boot / file, tree / "EFI/BOOT" / file)


def seal(tree: Path, answers: bytes | None = None) -> None:
    """Put the answers in, list the sums of all files, and date everything to the release: equal trees become equal images."""
    put_answers(tree, answers)
    files = [str(path.relative_to(tree)) for path in every_path(tree) if path.is_file()]
    listed = [name for name in files if name not in _UNSUMMED]
    write(tree / SUMS, sums(tree, listed))
    for path in reversed(every_path(tree)):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH))


def put_answers(tree: Path, answers: bytes | None) -> None:
    """Put them there, or take away those that are there."""
    path = tree / ANSWERS
    shutil.rmtree(path.parent, ignore_errors=True)
    if answers is not None:
        path.parent.mkdir()
        path.write_bytes(answers)


def sums(tree: Path, names: Iterable[str]) -> str:
    """As sha256sum -c reads it; the sizes, for whoever fetches the files, are comments to it."""
    names = list(names)
    sizes = "".join(f"# {(tree / name).stat().st_size} bytes: {name}\n" for name in names)
    return sizes + "".join(f"{sha256(tree / name)}  {name}\n" for name in names)
