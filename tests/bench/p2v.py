"""`python -m tests.bench.p2v`: p2v side by side with its peers on the same disks, in one run, as ratios, with memory.

(a) a disk of which a tenth is in use and whose free space is full of old data, (b) one that is nearly full, (c) a sparse TiB
with a little data against a hundredth of its size with the same data. The limit is ddrescue with our own map: it only reads and
writes. Whoever does not sync what it wrote is made to, as p2v does.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.install import Sample, measure

GIB = 1 << 30
MIB = 1 << 20
P2V = [sys.executable, "-m", "p2v"]


@dataclass(frozen=True)
class Peer:
    """A command that copies `disk` to `out`."""

    name: str
    command: Callable[[Path, Path], list[str]]


def shell(text: str) -> Callable[[Path, Path], list[str]]:
    """A pipeline, with {disk}, {out} and {map} filled in."""
    return lambda disk, out: ["bash", "-ec", f"set -o pipefail; {text.format(disk=disk, out=out, map=f'{disk}.map')}; sync {out}"]


PEERS = (
    Peer("p2v qcow2", lambda disk, out: [*P2V, "convert", str(disk), "--to", str(out), "--format", "qcow2"]),
    Peer("p2v raw", lambda disk, out: [*P2V, "convert", str(disk), "--to", str(out), "--format", "raw"]),
    Peer("qemu-img", shell("qemu-img convert -t writeback -T writeback -m 8 -W -f raw -O qcow2 {disk} {out}")),
    Peer("nbdcopy", shell("nbdcopy --connections=4 -- [ nbdkit --exit-with-parent -r file {disk} ] {out}")),
    Peer("partclone", shell("partclone.extfs -c -q -B -f 0 -s {disk} -o {out} -L {out}.log")),
    Peer("dd | zstd", shell("dd if={disk} bs=1M status=none | zstd -1 -T0 -q -o {out}")),
    Peer("ddrescue + map", shell("ddrescue -q -n -S -m {map} {disk} {out} {out}.log")),
)


def make_disk(path: Path, size: int, used: int) -> None:
    """ext4 over the whole disk with `used` bytes of files; what is free holds old data."""
    block = random.Random(1).randbytes(MIB)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: min(len(block), size - start)])
    tree = path.parent / "tree"
    tree.mkdir(exist_ok=True)
    for number in range(max(used // (64 * MIB), 1)):
        noise(tree / f"{number}.bin", number)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=0", "-d", tree, path], check=True)
    shutil.rmtree(tree)
    write_map(path)


def make_sparse(path: Path, size: int, data: int) -> None:
    """The same data at the beginning of a disk of any size."""
    with path.open("wb") as file:
        file.truncate(size)
    for number in range(data // (64 * MIB)):
        noise(path, number, number * 64 * MIB)
    write_map(path)


def noise(path: Path, seed: int, offset: int = 0) -> None:
    """64 MiB that nothing compresses, a MiB at a time: what this process holds counts as its children's memory, too."""
    rng = random.Random(seed)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(offset)
        for _ in range(64):
            file.write(rng.randbytes(MIB))


def write_map(path: Path) -> None:
    """Our map, for ddrescue."""
    with Path(f"{path}.map").open("wb") as file:
        subprocess.run([*P2V, "map", str(path)], check=True, stdout=file)


def run(disk: Path, folder: Path, peers: tuple[Peer, ...], rounds: int) -> dict[str, list[Sample]]:
    """Every peer in turn, several times, each onto nothing."""
    found: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            target = folder / "out"
            for left in folder.glob("out*"):
                left.unlink()
            os.sync()
            found[peer.name].append(measure(peer.command(disk, target)))
    for left in folder.glob("out*"):
        left.unlink()
    return found


def show(title: str, found: dict[str, list[Sample]], base: str) -> None:
    """A line a peer: the median, p2v's share of it, and the peak."""
    print(title)
    ours = statistics.median(sample.seconds for sample in found[base])
    for name, samples in found.items():
        seconds = statistics.median(sample.seconds for sample in samples)
        peak = max(sample.peak_mib for sample in samples)
        print(f"  {name:<16} {seconds:8.2f} s   {base} takes {ours / seconds:5.2f} of it   {peak:6.0f} MiB")


def main() -> None:
    """All three scenarios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="where disks and images are made (a tmpfs measures the programs, not the disk)"
    )
    parser.add_argument("--gib", type=float, default=8, help="size of the disks of (a) and (b) (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run (default 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        disk, size = folder / "disk.img", int(args.gib * GIB) // (64 * MIB) * 64 * MIB
        for title, share in (("(a) a tenth in use, the rest full of old data", 0.1), ("(b) nearly full", 0.9)):
            make_disk(disk, size, int(size * share))
            show(title, run(disk, folder, PEERS, args.rounds), "p2v qcow2")
        sparse: dict[str, list[Sample]] = {}
        for label, length in (("1 TiB", 128 * size), ("1 %", 128 * size // 100 // MIB * MIB)):
            make_sparse(disk, length, size // 8)
            sparse |= {f"p2v, {label}": found for found in run(disk, folder, PEERS[:1], args.rounds).values()}
        show("(c) a sparse disk and a hundredth of it, the same data", sparse, "p2v, 1 TiB")


if __name__ == "__main__":
    main()
