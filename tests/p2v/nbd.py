"""Disks that fail, by nbdkit's filters, as files: nbdkit serves them, qemu-storage-daemon shows them by FUSE."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path


class FailingDisk:
    """A file that is `disk` seen through nbdkit's filters. It can be pulled out and put back."""

    def __init__(self, disk: Path, shown: Path, *filters: str, writable: bool = False) -> None:
        self._disk, self.path, self._filters, self._writable = disk, shown, filters, writable
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "FailingDisk":
        self.put_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.pull_out()

    def put_back(self) -> None:
        """Show it."""
        self.path.touch()
        socket = self.path.with_suffix(".sock")
        names = [word for word in self._filters if word.startswith("--filter")]
        settings = [word for word in self._filters if not word.startswith("--filter")]
        mode = [] if self._writable else ["-r"]
        argv = ["nbdkit", "-f", "-U", str(socket), *mode, *names, "file", str(self._disk), *settings]
        self._start(argv)
        until = time.monotonic() + 20
        while not socket.exists():
            assert time.monotonic() < until, "nbdkit did not begin"
            time.sleep(0.01)
        node = {
            "driver": "nbd",
            "node-name": "n",
            "server": {"type": "unix", "path": str(socket)},
            "read-only": not self._writable,
        }
        export = {"type": "fuse", "id": "e", "node-name": "n", "mountpoint": str(self.path), "writable": self._writable}
        self._start(["qemu-storage-daemon", "--blockdev", json.dumps(node), "--export", json.dumps(export)])
        while self.path.stat().st_size != self._disk.stat().st_size:
            assert time.monotonic() < until, "qemu-storage-daemon did not show it"
            time.sleep(0.01)

    def pull_out(self) -> None:
        """It is gone at once."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._processes.clear()
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        self.path.with_suffix(".sock").unlink(missing_ok=True)

    def _start(self, argv: list[str]) -> None:
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        self._processes.append(subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
