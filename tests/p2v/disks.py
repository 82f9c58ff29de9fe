"""Small real disks for tests: partitioned by sfdisk, made by each file system's own tool, with stale data in the free space."""

import os
import random
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

MIB = 1 << 20
# The least that each tool is content with.
SIZES = {
    "ext4": 24,
    "ext2": 8,
    "xfs": 300,
    "btrfs": 128,
    "ntfs": 16,
    "vfat": 40,
    "exfat": 16,
    "swap": 8,
    "unknown": 4,
    "lvm": 48,
    "luks": 18,
}
FILES = {"a.txt": b"alpha\n", "big.bin": random.Random(1).randbytes(3 * MIB + 17), "folder/deep.txt": b"deep" * 999, "empty": b""}


def run(*argv: object, stdin: str | None = None) -> str:
    """Run a tool to its end; what it says on failure is in the error."""
    env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True, env=env)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def sparse(path: Path, size_bytes: int, used: Sequence[int], seed: int) -> Path:
    """A disk without a file system, with data in these MiB of it and holes elsewhere."""
    rng = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(size_bytes)
        for place in used:
            file.seek(place * MIB)
            file.write(rng.randbytes(MIB))
    return path


def unmount(place: Path) -> None:
    """Until it is so: a mount namespace that began meanwhile, as every contained program's, keeps it mounted for a moment."""
    device = run("findmnt", "--noheadings", "--output", "SOURCE", place).split()[-1].partition("[")[0]
    loop = Path("/sys/block", Path(device).name, "loop")
    held = _text(loop / "backing_file") if _text(loop / "autoclear") == "1" else ""
    run("umount", place)
    until = time.monotonic() + 30
    while held and _text(loop / "backing_file") == held:
        assert time.monotonic() < until, f"{place} is still mounted in another mount namespace"
        time.sleep(0.02)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def stale(path: Path, size_bytes: int, seed: int = 7) -> None:
    """A file with a MiB of old data in every eighth one: what a used disk has in its free space."""
    rng = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(size_bytes)
        for start in range(0, size_bytes, 8 * MIB):
            file.seek(start)
            file.write(rng.randbytes(min(MIB, size_bytes - start)))


def filesystem(folder: Path, kind: str, size_mib: int | None = None) -> Path:
    """A file with a file system of this kind that holds FILES, where its tool can put them in."""
    path = folder / f"{kind}.part"
    size = (size_mib or SIZES[kind]) * MIB
    stale(path, size)
    tree = folder / f"{kind}.tree"
    write_tree(tree)
    match kind:
        case "ext4" | "ext2":
            run(f"mkfs.{kind}", "-q", "-F", "-E", "nodiscard", "-L", "root", "-d", tree, path)
        case "xfs":
            run("mkfs.xfs", "-q", "-f", "-K", "-L", "data", "-p", _xfs_prototype(folder, tree), path)
        case "btrfs":
            run("mkfs.btrfs", "-q", "-f", "-K", "-L", "pool", "--rootdir", tree, path)
        case "ntfs":
            run("mkfs.ntfs", "-q", "-F", "-Q", "-L", "Windows", path)
            for name in ("a.txt", "big.bin", "empty"):
                run("ntfscp", "-f", path, tree / name, name)
        case "vfat":
            run("mkfs.vfat", "-F", "32", "-n", "ESP", path)
            run("mcopy", "-i", path, "-s", *sorted(tree.iterdir()), "::/")
        case "exfat":
            run("mkfs.exfat", path)
        case "swap":
            run("mkswap", "-L", "swap", path)
        case "luks":
            key = folder / "key"
            key.write_bytes(b"x" * 32)
            options = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", key)
            run("cryptsetup", "luksFormat", "-q", "--type", "luks2", *options, path)
        case "unknown":
            path.write_bytes(random.Random(3).randbytes(size))
    return path


def write_tree(tree: Path) -> None:
    """FILES as files."""
    for name, data in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)


def _xfs_prototype(folder: Path, tree: Path) -> Path:
    lines = ["/", "0 0", "d--755 0 0"]
    lines += [f"{name} ---644 0 0 {tree / name}" for name in FILES if "/" not in name]
    lines += ["folder d--755 0 0", f"deep.txt ---644 0 0 {tree}/folder/deep.txt", "$", "$"]
    path = folder / "xfs.proto"
    path.write_text("\n".join(lines) + "\n")
    return path


def put(disk: Path, part: Path, start: int) -> None:
    """Copy a part onto its place on the disk."""
    with disk.open("r+b") as target, part.open("rb") as source:
        target.seek(start)
        while block := source.read(4 * MIB):
            target.write(block)


def make_disk(folder: Path, table: str, kinds: list[str], name: str = "disk.img") -> Path:
    """A disk with one partition a kind, in order; `table` is gpt, dos, or dos-extended with all but the first being logical."""
    parts = []
    for number, kind in enumerate(kinds):
        (folder / f"part{number}").mkdir()
        parts.append(filesystem(folder / f"part{number}", kind))
    disk = folder / name
    starts: list[int] = []
    place, lines = MIB, [f"label: {table.split('-')[0]}"]
    for number, part in enumerate(parts, 1):
        if table == "dos-extended" and number == 2:
            rest = sum(other.stat().st_size + MIB for other in parts[1:])
            lines.append(f"start={place // 512}, size={rest // 512}, type=5")
            place += MIB
        number += 3 if table == "dos-extended" and number > 1 else 0
        lines.append(
            f"{disk}{number}: start={place // 512}, size={part.stat().st_size // 512}, type={_type(table, kinds[len(starts)])}"
        )
        starts.append(place)
        place += part.stat().st_size + (MIB if table == "dos-extended" and len(starts) > 1 else 0)
    stale(disk, place + 2 * MIB, seed=9)
    with disk.open("r+b") as file:
        file.write(bytes(MIB))
        file.seek(-MIB, 2)
        file.write(bytes(MIB))
    run("sfdisk", "-q", "--no-reread", "--wipe", "never", disk, stdin="\n".join(lines) + "\n")
    for part, start in zip(parts, starts, strict=True):
        put(disk, part, start)
        part.unlink()
    return disk


def _type(table: str, kind: str) -> str:
    if table == "gpt":
        return {"swap": "S", "vfat": "U", "lvm": "V"}.get(kind, "L")
    return {"swap": "82", "vfat": "ef", "lvm": "8e", "ntfs": "7", "exfat": "7"}.get(kind, "83")


def sha(path: Path) -> str:
    """The digest of a whole file."""
    return run("sha256sum", path).split()[0]


def patch(path: Path, offset: int, data: bytes) -> None:
    """Overwrite some bytes."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def u32(path: Path, offset: int) -> int:
    """A little-endian number of a file."""
    with path.open("rb") as file:
        file.seek(offset)
        return int(struct.unpack("<I", file.read(4))[0])
