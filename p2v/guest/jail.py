"""The guest's own programs, run so that they reach nothing but the guest.

Bubblewrap gives them the guest as the whole world: its root by pivot_root, a /dev with null and its like, no network, no other
process to see, no device file that opens (nodev), and of root's powers only those over files. They are ended when their time is
over, and with them whatever they started: the last process of a process namespace takes all others with it.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .apply import RepairError
from .changes import RunInGuest
from .tree import Kind, RootTree

_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "MKNOD",
    "SYS_CHROOT",
    "KILL",
)
_MOUNTED = ("/dev", "/proc", "/sys", "/run", "/tmp")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C",
    "LC_ALL": "C",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "DRACUT_NO_MKNOD": "1",
    "SYSTEMD_IN_CHROOT": "1",
}
# An initramfs with all of a kernel's drivers is a few hundred MiB.
_MOST_FILE_BYTES = 4 << 30
_MOST_OUTPUT_BYTES = 16 << 20
_MOST_WRITTEN_BYTES = 8 << 30  # into the overlay, which lies where the images go
_MOST_PROCESSES = 4096
_OUTPUT = "/run/p2v-output"
_SHOWN_CHARACTERS = 4000


@dataclass(frozen=True)
class Ran:
    """How it went. `problem` is empty when all is well; `output` is the end of what was said."""

    problem: str
    output: str
    seconds: float


def run_in_guest(tree: RootTree, change: RunInGuest, runner: Runner) -> Ran:
    """Run it, and see that it made what it should. Raises RepairError when the guest cannot be a root."""
    for place in _MOUNTED:
        # A link here would be followed by whoever mounts there, outside of the guest.
        if tree.link(place) is not None or tree.kind(place) not in (Kind.FOLDER, None):
            raise RepairError(
                f"{place} of the guest is not a folder, so that its programs cannot be run",
                hint="this is not how a system looks; look at it before anything of it is run",
            )
    before = _state(tree, change.makes)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="p2v-run-") as folder:
        log = Path(folder) / "output"
        log.touch()
        process = runner.start(_arguments(tree.root, log, change))
        problem, free, processes = "", _free_bytes(tree.root), _processes()
        try:
            while (ended := process.wait_for(0.2)) is None:
                if time.monotonic() - began > change.timeout_seconds:
                    problem = f"it did not end within {change.timeout_seconds:.0f} s, and was ended"
                elif log.stat().st_size > _MOST_OUTPUT_BYTES:
                    problem = "it said more than anybody can read, and was ended"
                elif free - _free_bytes(tree.root) > _MOST_WRITTEN_BYTES:
                    problem = f"it wrote more than {format_size(_MOST_WRITTEN_BYTES)}, and was ended"
                elif _processes() - processes > _MOST_PROCESSES:
                    problem = f"it started more than {_MOST_PROCESSES} processes, and was ended"
                if problem:
                    break
        finally:
            process.stop()
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _SHOWN_CHARACTERS, 0))
            output = _printable(file.read(_SHOWN_CHARACTERS).decode("utf-8", "replace"))
    if ended is not None and ended.status != 0:
        output = output or _printable(ended.stderr[-_SHOWN_CHARACTERS:])
        problem = f"it ended with status {ended.status}"
    if not problem and change.makes and _state(tree, change.makes) in (before, None):
        problem = f"it left {change.makes} as it was"
    return Ran(problem, output, time.monotonic() - began)


def _arguments(root: Path, log: Path, change: RunInGuest) -> list[str]:
    argv = ["choom", "-n", "1000", "--"]  # When memory runs out, the guest's program is the first to go.
    argv += ["prlimit", f"--fsize={_MOST_FILE_BYTES}", "--core=0", "--nofile=8192", "--"]
    argv += ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    argv += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    for name in _CAPABILITIES:
        argv += ["--cap-add", f"CAP_{name}"]
    argv += [
        "--bind",
        str(root),
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/sys",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp",
    ]
    argv += ["--bind", str(log), _OUTPUT, "--chdir", "/", "--clearenv"]
    for key, value in (*_ENVIRONMENT.items(), *change.env):
        argv += ["--setenv", key, value]
    return [*argv, "--", "/bin/sh", "-c", f'exec "$@" >{_OUTPUT} 2>&1', "sh", *change.argv]


def _free_bytes(root: Path) -> int:
    found = os.statvfs(root)
    return found.f_bfree * found.f_frsize


def _processes() -> int:
    """All of this machine's: those of the guest cannot be told from others by their numbers, and are many when it attacks."""
    return sum(1 for entry in os.scandir("/proc") if entry.name.isdecimal())


def _state(tree: RootTree, path: str) -> tuple[int, int, int] | None:
    if not path or tree.kind(path) is not Kind.FILE:
        return None
    fd = tree.open(path, os.O_PATH)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _printable(text: str) -> str:
    # What a guest says goes to a terminal and into a report: no control sequences.
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text).strip()
