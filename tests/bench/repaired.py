"""`python -m tests.bench.repaired`: a whole conversion, repairs with it, beside `qemu-img convert` and the same repairs by hand.

The disk is a Debian's with a second volume of data, of which half is in use and the rest full of old data. Both sides make the
same image of it, raw and qcow2, in which every kernel has a new initramfs with the same drivers; at the end both are compared.
`by_hand` is what an administrator's script would do.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.install import ROOT
from tests.bench.p2v import GIB, MEMORY_MIB, MIB, P2V, aim, make_disk
from tests.bench.targets import median, runs, show
from tests.bench.trees import TreeSample
from tests.p2v.disks import put, run
from tests.system.guest_disk import MAC, make_guest
from xeninstall.machine.model import Machine, Nic

NIC, ROOT_AT = "eno7", MIB
FORMATS = ("raw", "qcow2")
REPAIRED = ("etc/fstab", "etc/modules", "boot/grub/grub.cfg")
RECORDED = ROOT / "tests/data/machines/bios-two-disks.json"
TOOLS = ("qemu-img", "qemu-storage-daemon", "mmdebstrap", "sfdisk", "blkid", "mkfs.ext4")


def make(folder: Path, gib: float) -> tuple[Path, Path]:
    """The disk, and what is known of its machine."""
    disk = make_guest(folder, "bios").path
    size = int(gib * GIB) // (64 * MIB) * 64 * MIB
    data, start = folder / "data.img", disk.stat().st_size
    make_disk(data, size, size // 2)
    os.truncate(disk, start + size)
    run("sfdisk", "-q", "--no-reread", "--append", disk, stdin=f"start={start // 512}, size={size // 512}, type=83\n")
    put(disk, data, start)
    for path in folder.glob("data.img*"):
        path.unlink()
    machine = folder / "machine.json"
    recorded = Machine.from_json(RECORDED.read_text())
    machine.write_text(recorded.model_copy(update={"nics": (Nic(name=NIC, mac=MAC),)}).to_json())
    return disk, machine


def bench(folder: Path, gib: float, rounds: int) -> None:
    """Everything."""
    disk, machine = make(folder, gib)

    def clean(name: str) -> Path:
        for left in folder.glob(f"{name}*"):
            left.unlink()
        return folder / name

    def p2v(form: str) -> list[str]:
        out = clean(f"p2v.{form}")
        words = ["--repair", "--machine", str(machine), "--format", form, "--to", str(out)]
        return [*P2V, "convert", str(disk), *words]

    # Whichever drivers p2v has put there are asked for by hand, too.
    subprocess.run(p2v("raw"), check=True, capture_output=True)
    drivers = " ".join(added(folder / "p2v.raw"))

    def by_hand(form: str) -> list[str]:
        out = clean(f"hand.{form}")
        return [f"{ROOT}/tests/bench/by_hand", str(disk), str(out), form, str(ROOT_AT), NIC, MAC, drivers]

    commands: list[tuple[str, Callable[[str], list[str]]]] = [("p2v", p2v), ("by hand", by_hand)]
    found = runs(rounds, {f"{who}, {form}": (disk, partial(command, form)) for form in FORMATS for who, command in commands})
    show(f"Debian 13 repaired, and {gib:g} GiB of data, half in use", found)
    same(folder / "p2v.raw", folder / "hand.raw")
    judge(found)


def judge(found: dict[str, list[TreeSample]]) -> None:
    """The aims, one by one."""
    print("aims")
    for form in FORMATS:
        ours, theirs = found[f"p2v, {form}"], found[f"by hand, {form}"]
        aim(f"{form}, of qemu-img and the same by hand", median(ours) / median(theirs), 1.0)
    peak = max(sample.peak_mib for form in FORMATS for sample in found[f"p2v, {form}"])
    aim("memory of all processes, the guest's own with them, MiB", peak, MEMORY_MIB)


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """The root file system of a raw image, for reading."""
    with tempfile.TemporaryDirectory() as folder:
        run("mount", "-o", f"ro,noload,loop,offset={ROOT_AT}", image, folder)
        try:
            yield Path(folder)
        finally:
            run("umount", folder)


def added(image: Path) -> list[str]:
    """The drivers that are asked for in every initramfs."""
    with mounted(image) as root:
        lines = (root / "etc/initramfs-tools/modules").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def same(ours: Path, theirs: Path) -> None:
    """Whether both are repaired alike. Ends everything where they are not."""
    told: list[dict[str, object]] = []
    for image in (ours, theirs):
        with mounted(image) as root:
            one: dict[str, object] = {name: (root / name).read_text() for name in REPAIRED}
            for path in (root / "boot").glob("initrd.img-*"):
                names = run("chroot", root, "lsinitramfs", f"/boot/{path.name}").splitlines()
                one[f"boot/{path.name}"] = [name for name in names if "/lib/modules/" in f"/{name}"]
            told.append(one)
    if told[0] != told[1]:
        differ = sorted(name for name in {*told[0], *told[1]} if told[0].get(name) != told[1].get(name))
        sys.exit(f"what p2v made and what was made by hand differ in {', '.join(differ)}")


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="where disks and images are made (default build/)")
    parser.add_argument("--gib", type=float, default=4, help="size of the volume of data (default 4); a smoke run takes 0.25")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run (default 3)")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; make setup installs them")
    if os.geteuid() != 0:
        sys.exit("the benchmark needs root: it mounts file systems")
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-repaired-") as folder:
        bench(Path(folder), args.gib, args.rounds)


if __name__ == "__main__":
    main()
