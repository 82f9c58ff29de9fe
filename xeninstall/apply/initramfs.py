"""The initramfs, extended instead of rebuilt: a second cpio archive behind the first, with the files that differ.

The kernel unpacks concatenated archives in order, the later file winning (Documentation/driver-api/early-userspace/
buffer-format.rst, which also gives the "newc" layout). That takes milliseconds where update-initramfs takes a quarter of
a minute, or many in an emulator; the next kernel update builds a whole one from the same configuration.
"""

import hashlib
import os
import shutil
import stat
from pathlib import Path, PurePosixPath

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import ExtendInitramfs, RebuildInitramfs

from .host_files import inside
from .target import Target

# The first entry of our archive: its text is the length of the archive before it.
MARKER = "xeninstall-extension"
_MAGIC = b"070701"
_SCRATCH = "/var/tmp/xeninstall-initramfs"
# Directories of the top that Debian's initramfs has as links into /usr.
_MERGED = ("bin", "sbin", "lib", "lib64")


def extend(action: ExtendInitramfs, squashfs: Path, target: Target, runner: Runner) -> None:
    """Append the keyboard's files and copies of `action.files`. Starts from the image's own initramfs, however often it runs."""
    root = target.root()
    place = inside(root, action.path)
    if not place.is_file() or _digest(place.read_bytes()) != action.sha256:
        runner.run(["unsquashfs", "-force", "-no-progress", "-quiet", "-dest", str(root), str(squashfs), action.path.lstrip("/")])
    base = place.read_bytes()
    scratch = inside(root, _SCRATCH)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        if action.keyboard:
            # An archive with a directory /bin would take the place of the link /bin -> usr/bin, and with it all programs.
            for name in _MERGED:
                (scratch / "usr" / name).mkdir(parents=True)
                (scratch / name).symlink_to(f"usr/{name}")
            target.run_in_host(("setupcon", "--setup-dir", _SCRATCH))
            for name in _MERGED:
                (scratch / name).unlink()
            # What setupcon asks to have copied are programs, which the image's initramfs has already.
            (scratch / "morefiles").unlink(missing_ok=True)
        for name in action.files:
            copy = scratch / name.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(inside(root, name), copy)
        extension = archive(scratch, len(base))
    finally:
        shutil.rmtree(scratch)
    temporary = place.with_name(place.name + ".xeninstall-new")
    temporary.write_bytes(base + bytes(-len(base) % 4) + extension)
    temporary.chmod(0o644)
    temporary.replace(place)


def rebuild(action: RebuildInitramfs, target: Target) -> None:
    """Build it by the host's own tools. Raises Error when a module of the packs did not get into it."""
    target.run_in_host(("update-initramfs", "-c", "-k", action.kernel))
    listed = target.run_in_host(("lsinitramfs", action.path)).stdout.splitlines()
    held = {PurePosixPath(line).name.partition(".")[0].replace("-", "_") for line in listed if ".ko" in line}
    missing = [name for name in action.modules if name.replace("-", "_") not in held]
    if missing:
        raise Error(
            f"the module {missing[0]} did not get into {action.path}", hint="this is a defect: report it with `xeninstall logs`"
        )


def base_digest(data: bytes) -> str:
    """sha256 of an initramfs without our extension. Raises Error when it has none."""
    name = MARKER.encode() + b"\0"
    at = data.rfind(name)
    start = at - 110
    if at < 0 or data[start : start + 6] != _MAGIC:
        raise Error("the initramfs was not extended", hint="use --resume to repeat the stage, or install anew")
    text_at = start + _padded(110 + len(name))
    length = int(data[start + 6 + 8 * 6 : start + 6 + 8 * 7], 16)
    return _digest(data[: int(data[text_at : text_at + length])])


def archive(directory: Path, base_length: int) -> bytes:
    """A newc archive of a directory's content, equal for equal files: no times, root owns all."""
    out = [_entry(MARKER, stat.S_IFREG | 0o644, str(base_length).encode(), 1)]
    for number, path in enumerate(sorted(directory.rglob("*")), 2):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            out.append(_entry(name, stat.S_IFLNK | 0o777, os.fsencode(path.readlink()), number))
        elif path.is_dir():
            out.append(_entry(name, stat.S_IFDIR | 0o755, b"", number))
        else:
            executable = 0o755 if path.stat().st_mode & 0o111 else 0o644
            out.append(_entry(name, stat.S_IFREG | executable, path.read_bytes(), number))
    out.append(_entry("TRAILER!!!", 0, b"", 0))
    return b"".join(out)


def _entry(name: str, mode: int, data: bytes, number: int) -> bytes:
    raw = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = _MAGIC + b"".join(b"%08X" % field for field in fields) + raw
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _padded(length: int) -> int:
    return length + -length % 4


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
