"""Real disks with a guest of text on them, and with enough programs for a shell of its own."""

import shutil
import subprocess
from pathlib import Path

from tests.p2v.disks import MIB, put, run

from .trees import write_tree

OLD_RELEASE = '=== /etc/os-release\nID=debian\nPRETTY_NAME="Old Debian"\n'


def shell(root: Path) -> None:
    """A guest's shell: this machine's own bash and a few programs, copied."""
    for place in ("bin", "dev", "proc", "sys", "run", "tmp"):
        (root / place).mkdir(parents=True, exist_ok=True)
    for name in ("bash", "sleep", "cat", "mknod", "ls"):
        program = Path(shutil.which(name) or f"/bin/{name}")
        shutil.copy2(program, root / "bin" / name)
        for word in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split():
            if word.startswith("/"):
                (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(word, root / word[1:])
    (root / "bin" / "sh").unlink(missing_ok=True)
    (root / "bin" / "sh").symlink_to("bash")


def ext4(path: Path, tree: Path, mib: int, label: str = "") -> str:
    """An ext4 with the tree; returns its UUID."""
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    run("mkfs.ext4", "-q", "-F", "-L", label, "-d", tree, path)
    return run("blkid", "-o", "value", "-s", "UUID", path).strip()


def fat(path: Path, tree: Path, mib: int = 34) -> None:
    """A FAT32 with the tree."""
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    run("mkfs.vfat", "-F", "32", "-i", "4A1B2C3D", path)
    if any(tree.iterdir()):
        run("mcopy", "-i", path, "-s", *sorted(tree.iterdir()), "::/")


def gpt(disk: Path, parts: list[tuple[str, Path]]) -> list[int]:
    """A disk of these parts, each with its type for sfdisk; returns where they begin."""
    starts, place, lines = [], MIB, ["label: gpt"]
    for kind, part in parts:
        starts.append(place)
        lines.append(f"start={place // 512}, size={part.stat().st_size // 512}, type={kind}")
        place += -(-part.stat().st_size // MIB) * MIB
    with disk.open("wb") as file:
        file.truncate(place + MIB)
    run("sfdisk", "-q", "--no-reread", disk, stdin="\n".join(lines) + "\n")
    for (_, part), start in zip(parts, starts, strict=True):
        put(disk, part, start)
    return starts


def tree(folder: Path, described: str) -> Path:
    """A tree of its description, in a new folder."""
    folder.mkdir(parents=True)
    write_tree(described, folder)
    return folder


def piece(image: Path, start: int, mib: int, to: Path) -> Path:
    """A part of an image as a file."""
    with image.open("rb") as file:
        file.seek(start)
        to.write_bytes(file.read(mib * MIB))
    return to


def cat(part: Path, path: str) -> str:
    """A file of an ext file system, by its own tools."""
    return run("debugfs", "-R", f"cat {path}", part)
