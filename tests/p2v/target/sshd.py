"""A real sshd on loopback with keys and a configuration of its own; whoever logs in gets one command, as on a careful host."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Sshd:
    """Started at once; `stop` and `start` are an outage. `command` is what every login runs; who asks may have a `terminal`."""

    def __init__(self, folder: Path, command: list[str] | None, *, terminal: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.key = folder / "user"
        for path in (folder / "host", self.key, folder / "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        quoted = shlex.join(command or []).replace('"', '\\"')
        forced = f'command="{quoted}",' if command is not None else ""
        public = self.key.with_suffix(".pub").read_text()
        (folder / "authorized_keys").write_text(f"{forced}restrict{',pty' if terminal else ''} {public}")
        (folder / "authorized_keys").chmod(0o600)
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin yes\nLogLevel INFO\nMaxStartups 100\nSubsystem sftp internal-sftp\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def fingerprint(self) -> str:
        """Of the host's key."""
        done = subprocess.run(["ssh-keygen", "-lf", self.folder / "host"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1]

    @property
    def to(self) -> str:
        """Its address."""
        return f"ssh://127.0.0.1:{self.port}"

    @property
    def options(self) -> list[str]:
        """What convert needs to be let in."""
        return ["--host-key", self.fingerprint, "--identity", str(self.key)]

    def start(self) -> None:
        """Listen."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
        assert program, "openssh-server is missing: make setup installs it"
        log = (self.folder / "log").open("ab")
        argv = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        self._process = subprocess.Popen(argv, stderr=log, stdout=log, start_new_session=True)
        until = time.monotonic() + 20
        while True:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until and self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)

    def sessions(self) -> list[int]:
        """The processes of its connections."""
        assert self._process is not None
        done = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        return [int(word) for word in done.stdout.split()]

    def cut(self) -> int:
        """Break every connection; new ones are taken. How many there were."""
        found = self.sessions()
        for pid in found:
            with suppress(ProcessLookupError):  # it may end by itself meanwhile
                os.kill(pid, 9)
        return len(found)

    def stop(self) -> None:
        """Gone, with every connection."""
        if self._process is not None:
            self.cut()
            self._process.kill()
            self._process.wait()
            self._process = None


def receiver(folder: Path, *options: str) -> list[str]:
    """`p2v receive` that keeps everything in this folder."""
    for name in ("images", "configs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    places = ["--files", f"{folder}/images", "--state", f"{folder}/state", "--configs", f"{folder}/configs", "--no-thin"]
    env = ["env", f"PYTHONPATH={ROOT}", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin"]
    return [*env, sys.executable, "-m", "p2v", "receive", *places, *options]
