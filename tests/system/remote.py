"""A machine of QEMU's over SSH, as its administrator has it."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .console import Console

OPTIONS = (
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"),
    # A session has to outlive the moments without an address; what is silent for five minutes is lost.
    *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=20", "-o", "ConnectTimeout=20"),
)


@dataclass(frozen=True)
class Remote:
    """root on a forwarded port of this machine, or at an address."""

    port: int
    key: Path
    address: str = "127.0.0.1"

    def _argv(self, command: str) -> list[str]:
        return ["ssh", "-n", "-i", str(self.key), "-p", str(self.port), *OPTIONS, f"root@{self.address}", command]

    def run(self, command: str, timeout: float = 120) -> tuple[str, int]:
        """Run a command; returns its output, both streams, and its status (255: SSH itself failed)."""
        done = subprocess.run(self._argv(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
        return done.stdout.decode(errors="replace"), done.returncode

    def check(self, command: str, timeout: float = 120) -> str:
        """Like run, and fails when the command does."""
        output, status = self.run(command, timeout)
        assert status == 0, f"{command!r} ended with status {status}:\n{output}"
        return output.strip()

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Start a command whose session is watched from outside."""
        return subprocess.Popen(self._argv(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def lay(self, tree: Path) -> None:
        """Lay the files of a directory over those of the machine."""
        argv = [word for word in self._argv("tar -x -C / --no-same-owner") if word != "-n"]
        packed = subprocess.Popen(["tar", "-c", "-C", str(tree), "."], stdout=subprocess.PIPE)
        done = subprocess.run(argv, stdin=packed.stdout, capture_output=True, text=True, timeout=600, check=False)
        packed.kill()
        packed.wait()
        assert done.returncode == 0, done.stderr

    def wait(self, console: Console, timeout: float = 420) -> None:
        """Until somebody can log in; a machine that died meanwhile is told by its console."""
        deadline = time.monotonic() + timeout
        console.expect("login: |Login shell", timeout)  # which the setup console of a host shows
        while not self._lets_in():
            assert time.monotonic() < deadline, "nobody can log in over SSH"
            time.sleep(2)

    def _lets_in(self) -> bool:
        try:
            return self.run("true", 90)[1] == 0
        except subprocess.TimeoutExpired:
            return False
