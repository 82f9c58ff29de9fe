"""A folder in memory, a file system of its own: whoever writes there reaches no other, and fills no more than it holds."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from xeninstall.base.interruption import held
from xeninstall.base.run import Runner


@contextmanager
def folder_in_memory(name: str, size_bytes: int, files: int, runner: Runner, *, devices: bool = False) -> Iterator[Path]:
    """It holds so many bytes in so many files; with `devices`, device files in it can be opened."""
    options = f"size={size_bytes},nr_inodes={files},mode=0755,nosuid,noexec" + ("" if devices else ",nodev")
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"p2v-{name}-{os.getpid()}-"))
        with held():
            runner.run(["mount", "-t", "tmpfs", "-o", options, f"p2v-{name}", place])
            # At once, whoever still looks: nothing there has to reach a disk.
            stack.callback(runner.run, ["umount", "--lazy", place])
        yield Path(place)
