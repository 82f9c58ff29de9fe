"""How much memory a command takes with all that it starts, and how long it runs."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.install import ENVIRONMENT, ROOT

_EVERY_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class TreeSample:
    """One finished command. `peak_mib` is the largest sum of resident memory over its processes at one moment."""

    seconds: float
    peak_mib: float


def measure_tree(argv: list[str]) -> TreeSample:
    """Run it to its end; a failure ends everything, with what it said."""
    peak = [0]
    ended = threading.Event()
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=ENVIRONMENT
        )
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} failed with {process.returncode}:\n{output.read().decode(errors='replace')[-2000:]}")
    # What is over within a moment was never sampled: the kernel's own account of the largest process stands for it.
    return TreeSample(seconds, max(peak[0] * _PAGE, usage.ru_maxrss * 1024) / (1 << 20))


def _watch(pid: int, peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(_EVERY_SECONDS):
        peak[0] = max(peak[0], _resident(pid))


def _resident(pid: int) -> int:
    pages = 0
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                pages += _resident(int(child))
    except OSError:
        return pages  # it ended while we looked
    return pages
