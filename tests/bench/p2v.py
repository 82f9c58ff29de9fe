"""`python -m tests.bench.p2v`: p2v side by side with its peers on the same disks, in one run, as ratios, with memory.

(a) a disk of which a tenth is in use and whose free space is full of old data, (b) one that is nearly full, (c) a sparse disk of
a TiB against one of 10 GiB with the same files. Before each run the source leaves the page cache, as a disk that nobody read.
Whoever does not sync what it wrote is made to, as p2v does. The limit is ddrescue with our own map: it reads and writes, no more.
partclone has a line with its checksums, which p2v has, too, and one without.

`--profile DISK` shows where the time of one conversion goes instead.
"""

import argparse
import cProfile
import json
import os
import pstats
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.bench.install import ROOT
from tests.bench.trees import TreeSample, measure_tree

TIB, GIB, MIB = 1 << 40, 1 << 30, 1 << 20
P2V = [sys.executable, "-m", "p2v"]
ENOUGH_SECONDS = 15.0  # of one peer on one disk: then its median is what it has
MEMORY_MIB = 200
OURS, RAW, LIMIT = "p2v qcow2", "p2v raw", "ddrescue + map"


@dataclass(frozen=True)
class Peer:
    """A command that copies `disk` to `out`."""

    name: str
    command: Callable[[Path, Path], list[str]]


def shell(text: str) -> Callable[[Path, Path], list[str]]:
    """A pipeline, with {disk}, {out} and {map} filled in."""
    return lambda disk, out: ["bash", "-ec", f"set -o pipefail; {text.format(disk=disk, out=out, map=f'{disk}.map')}; sync {out}"]


def p2v(form: str) -> Callable[[Path, Path], list[str]]:
    """Our own command."""
    return lambda disk, out: [*P2V, "convert", str(disk), "--to", str(out), "--format", form]


# Each with the flags that were the fastest here.
PEERS = (
    Peer(OURS, p2v("qcow2")),
    Peer(RAW, p2v("raw")),
    Peer("qemu-img", shell("qemu-img convert -t none -T writeback -m 8 -W -f raw -O qcow2 {disk} {out}")),
    Peer(
        "nbdcopy", shell("nbdcopy --connections=4 --request-size=1048576 -- [ nbdkit --exit-with-parent -r file {disk} ] {out}")
    ),
    Peer("partclone", shell("partclone.extfs -c -q -B -f 0 -s {disk} -o {out} -L {out}.log")),
    Peer("partclone -a0", shell("partclone.extfs -c -q -B -f 0 -a 0 -s {disk} -o {out} -L {out}.log")),
    Peer("dd | zstd", shell("dd if={disk} bs=1M status=none | zstd -1 -T0 -q -o {out}")),
    Peer(LIMIT, shell("ddrescue -q -n -S -m {map} {disk} {out} {out}.log")),
)
TOOLS = ("qemu-img", "nbdcopy", "nbdkit", "partclone.extfs", "zstd", "ddrescue", "mkfs.ext4")


def make_disk(path: Path, size: int, used: int, *, stale: bool = True) -> None:
    """ext4 over the whole disk with `used` bytes of files; what is free holds old data, or nothing at all."""
    if not (stale and path.exists() and path.stat().st_size == size):
        # What another scenario left on a disk of the same size is as good as any old data.
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
            for place in range(0, size if stale else 0, 64 * MIB):
                file.seek(place)
                noise(file, place, min(64 * MIB, size - place))
    tree = path.parent / "tree"
    tree.mkdir(exist_ok=True)
    for number in range(max(used // (64 * MIB), 1)):
        with (tree / f"{number}.bin").open("wb") as file:
            noise(file, number, 64 * MIB)
    options = ["-q", "-F", "-m", "0", "-J", "size=32", "-E", f"nodiscard,lazy_itable_init={int(not stale)}"]
    subprocess.run(["mkfs.ext4", *options, "-d", str(tree), str(path)], check=True)
    shutil.rmtree(tree)
    os.sync()
    with Path(f"{path}.map").open("wb") as map_file:
        subprocess.run([*P2V, "map", str(path)], check=True, stdout=map_file)


def noise(file: BinaryIO, seed: int, length: int) -> None:
    """Bytes that nothing here compresses: one MiB again and again, each time begun at another place.

    A MiB at a time, since what this process holds counts as its children's memory, too.
    """
    block = random.Random(seed).randbytes(MIB)
    for number in range(length // MIB):
        first = number * 4099 % MIB
        file.write(block[first:] + block[:first])


def forget(path: Path) -> None:
    """Out of the page cache."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def run(disk: Path, folder: Path, peers: Sequence[Peer], rounds: int) -> dict[str, list[TreeSample]]:
    """Every peer in turn, several times, each onto nothing; one that has taken enough time already is not asked again."""
    found: dict[str, list[TreeSample]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            if sum(sample.seconds for sample in found[peer.name]) > ENOUGH_SECONDS:
                continue
            clear(folder)
            os.sync()
            forget(disk)
            found[peer.name].append(measure_tree(peer.command(disk, folder / "out")))
    clear(folder)
    return found


def clear(folder: Path) -> None:
    """What an earlier run wrote."""
    for left in folder.glob("out*"):
        left.unlink()


def seconds(samples: Sequence[TreeSample]) -> float:
    """The median."""
    return statistics.median(sample.seconds for sample in samples)


def show(title: str, found: dict[str, list[TreeSample]]) -> None:
    """A line a peer: the median, all runs, ours as a share of it, the peak."""
    print(title)
    ours = seconds(found[OURS])
    for name, samples in found.items():
        runs = " ".join(f"{sample.seconds:.2f}" for sample in samples)
        peak = max(sample.peak_mib for sample in samples)
        share = f"{OURS} takes {ours / seconds(samples):5.2f} of it"
        print(f"  {name:<15} {seconds(samples):7.2f} s   {share}   {peak:5.0f} MiB   ({runs})")
    sys.stdout.flush()


def aim(text: str, value: float, most: float) -> None:
    """Whether it is reached."""
    print(f"  {'reached' if value <= most else 'MISSED '}  {text}: {value:.2f}, at most {most:g}")


def judge(found: dict[str, dict[str, list[TreeSample]]]) -> None:
    """The aims, one by one."""
    print("aims")
    tenth, full = found["a"], found["b"]
    ours = seconds(tenth[OURS])
    aim("(a) of qemu-img", ours / seconds(tenth["qemu-img"]), 0.35)
    aim("(a) of partclone", seconds(tenth[RAW]) / seconds(tenth["partclone"]), 0.8)
    aim("(a) of the limit, ddrescue with our map", seconds(tenth[RAW]) / seconds(tenth[LIMIT]), 1.2)
    peers = [name for name in full if name not in (OURS, RAW, LIMIT)]
    fastest = min(peers, key=lambda name: seconds(full[name]))
    aim(f"(b) of the fastest peer, {fastest}", seconds(full[OURS]) / seconds(full[fastest]), 1.0)
    aim("(c) of the small disk", seconds(found["1 TiB"][OURS]) / seconds(found["10 GiB"][OURS]), 1.5)
    peak = max(sample.peak_mib for by_name in found.values() for name in (OURS, RAW) for sample in by_name.get(name, []))
    aim("memory of all processes, MiB", peak, MEMORY_MIB)


def bench(folder: Path, gib: float, rounds: int) -> None:
    """All scenarios."""
    size = int(gib * GIB) // (64 * MIB) * 64 * MIB
    found: dict[str, dict[str, list[TreeSample]]] = {}
    disk = folder / "disk.img"
    for key, title, share in (("a", "a tenth in use, the rest full of old data", 0.1), ("b", "95 % in use", 0.95)):
        # Half a percent goes to the file system's own tables.
        make_disk(disk, size, int(size * (share - 0.005)))
        found[key] = run(disk, folder, PEERS, rounds)
        show(f"({key}) {gib:g} GiB, {title}", found[key])
    for label, length in (("1 TiB", 128 * size), ("10 GiB", size * 10 // 8)):
        make_disk(disk, length, size // 8, stale=False)
        found[label] = run(disk, folder, PEERS[:1], rounds)
        show(f"(c) {length / GIB:g} GiB, sparse, {size / 8 / GIB:g} GiB in use", found[label])
    judge(found)


def profile(disk: str) -> None:
    """One conversion in this process: how long each stage took, and what the main thread did."""
    from p2v.convert import convert
    from p2v.request import Request
    from xeninstall.base.events import Event, Progress, event_json
    from xeninstall.base.run import SystemRunner

    started = time.monotonic()

    def emit(event: Event) -> None:
        if not isinstance(event, Progress):
            print(f"{time.monotonic() - started:7.3f} s  {json.dumps(event_json(event))}")

    with tempfile.TemporaryDirectory(dir=Path(disk).parent) as folder:
        profiler = cProfile.Profile()
        profiler.enable()
        convert(Request((disk,), f"{folder}/out", "qcow2"), SystemRunner(), emit, threading.Event())
        profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(30)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="where disks and images are made (default build/)")
    parser.add_argument(
        "--gib", type=float, default=8, help="size of the disks of (a) and (b) (default 8); a smoke run takes 0.5"
    )
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run at most (default 3)")
    parser.add_argument("--profile", metavar="DISK", help="profile one conversion of this disk")
    args = parser.parse_args()
    if args.profile:
        profile(args.profile)
        return
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; make setup installs them")
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-p2v-") as folder:
        bench(Path(folder), args.gib, args.rounds)


if __name__ == "__main__":
    main()
