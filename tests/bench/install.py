"""`make bench`: an installation side by side with bare unsquashfs and with mmdebstrap, in one run, as ratios, with memory.

Every command runs as a process of its own; wall time and peak memory are the kernel's own account of the finished
process and of what it waited for. Runs alternate, so that a machine that slows down slows both sides.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYSTEM = ROOT / "build/system.squashfs"
ANSWERS = ROOT / "xeninstall/examples/default.toml"
XENINSTALL = [sys.executable, "-m", "xeninstall"]
# A user's Python keeps what it compiled; a developer's shell that forbids it would have every run compile anew.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Sample:
    """One finished command."""

    seconds: float
    peak_mib: float


def measure(argv: list[str]) -> Sample:
    """Run to the end; the largest process of the tree gives the peak."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=ENVIRONMENT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} failed with {process.returncode}:\n{output.read().decode(errors='replace')[-2000:]}")
    return Sample(seconds, usage.ru_maxrss / 1024)


def bare_unsquashfs(scratch: Path) -> Sample:
    """unsquashfs and sync onto a fresh ext4 of the same size, on a loop device as the installer uses."""
    image, mount = scratch / "bare.img", scratch / "mnt"
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(8 * 2**30)
    mount.mkdir(exist_ok=True)
    loop = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True).stdout.strip()
    try:
        subprocess.run(["mkfs.ext4", "-q", loop], check=True)
        subprocess.run(["mount", loop, str(mount)], check=True)
        try:
            script = f"unsquashfs -f -n -q -d '{mount}' '{SYSTEM}' >/dev/null && sync -f '{mount}'"
            return measure(["sh", "-c", script])
        finally:
            subprocess.run(["umount", str(mount)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


def install(scratch: Path) -> Sample:
    """The whole installation by the example answers, from nothing to a verified image."""
    image = scratch / "host.img"
    image.unlink(missing_ok=True)
    return measure([*XENINSTALL, "install", str(ANSWERS), "--target", str(image), "--system", str(SYSTEM)])


def mmdebstrap(scratch: Path) -> Sample:
    """The same packages by mmdebstrap, downloads included, as a tar archive that is thrown away."""
    packages = json.loads(SYSTEM.with_suffix(".json").read_text())["packages"]
    # fmt: off
    return measure([
        "mmdebstrap", "--variant=minbase", "--components=main,non-free-firmware", f"--include={','.join(packages)}",
        "trixie", str(scratch / "root.tar"),
    ])
    # fmt: on


def drop_caches() -> None:
    """Have the next process read its files from the disk."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def cold(argv: list[str]) -> Callable[[], Sample]:
    """A measurement with an empty page cache."""

    def run() -> Sample:
        drop_caches()
        return measure(argv)

    return run


def row(name: str, samples: list[Sample], ratio: str = "") -> None:
    """One line of the table: minimum, median, maximum."""
    seconds = [sample.seconds for sample in samples]
    peak = max(sample.peak_mib for sample in samples)
    print(
        f"{name:<44} {min(seconds):7.2f} {statistics.median(seconds):7.2f} {max(seconds):7.2f} s {peak:7.0f} MiB  {ratio}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time an installation beside bare unsquashfs and mmdebstrap.")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--no-mmdebstrap", action="store_true", help="leave out the run that needs the network")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the benchmark needs root: it mounts file systems")
    print(f"{'':<44} {'min':>7} {'median':>7} {'max':>7}   {'peak memory':>11}")
    with tempfile.TemporaryDirectory(prefix="xeninstall-bench-", dir=ROOT / "build") as directory:
        scratch = Path(directory)
        install(scratch), bare_unsquashfs(scratch)  # one uncounted round of each
        pairs = [(install(scratch), bare_unsquashfs(scratch)) for _ in range(args.runs)]
        ratio = statistics.median(ours.seconds / bare.seconds for ours, bare in pairs)
        row("xeninstall install (whole)", [ours for ours, _ in pairs], f"{ratio:.2f} x unsquashfs (aim: 1.3)")
        row("bare unsquashfs + sync", [bare for _, bare in pairs])
        if not args.no_mmdebstrap:
            rival = mmdebstrap(scratch)
            median = statistics.median(ours.seconds for ours, _ in pairs)
            row("mmdebstrap of the same packages", [rival], f"install is {median / rival.seconds:.2f} x of it (aim: 0.3)")
        for name, argv in (
            ("xeninstall check", [*XENINSTALL, "check", str(ANSWERS)]),
            (
                "xeninstall install --plan",
                [*XENINSTALL, "install", str(ANSWERS), "--target", str(scratch / "x.img"), "--system", str(SYSTEM), "--plan"],
            ),
        ):
            row(f"{name}, new process", [measure(argv) for _ in range(args.runs)], "aim: 0.5 s")
            row(f"{name}, page cache dropped", [cold(argv)() for _ in range(args.runs)])


if __name__ == "__main__":
    main()
