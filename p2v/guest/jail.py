"""The guest's own programs, run so that they reach nothing but the guest.

Bubblewrap gives them the guest as the whole world: its root by pivot_root, a /dev with null and its like, no network, no other
process to see, no device file that opens (nodev), and of root's powers only those over files. They are ended when their time is
over, and with them whatever they started: the last process of a process namespace takes all others with it.

Nothing of this machine's files is shared with them, be it a file to write into or a device file whose mode could be changed: what
they say comes through a pipe, and their device files are made for them. CAP_DAC_READ_SEARCH is not among their powers, since
open_by_handle_at(2) opens with it whatever lies on a file system of which one file is within reach; what it allows besides,
CAP_DAC_OVERRIDE allows too.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.run import Runner, talk
from xeninstall.base.sizes import format_size

from .apply import RepairError
from .changes import RunInGuest
from .memory import folder_in_memory
from .tree import Kind, RootTree
from .watch import Said, Written

_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
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
_SHOWN_CHARACTERS = 4000
_LAST_SECONDS = 10.0  # for the kernel to end what was killed
# linux/Documentation/admin-guide/devices.txt: the memory devices, and the terminal.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


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
    with ExitStack() as stack:
        devices = stack.enter_context(_devices(runner))
        written = stack.enter_context(closing(Written(tree.root)))
        processes, problem = _processes(), ""
        channel = talk(_arguments(tree.root, devices, change))
        stack.callback(channel.close, 0)
        channel.end_input()
        said = Said(channel.reads)
        while (status := channel.wait_for(0.2 if said.ended else 0)) is None:
            said.listen(0.2)
            if time.monotonic() - began > change.timeout_seconds:
                problem = f"it did not end within {change.timeout_seconds:.0f} s, and was ended"
            elif said.total_bytes > _MOST_OUTPUT_BYTES:
                problem = "it said more than anybody can read, and was ended"
            elif written.total_bytes > _MOST_WRITTEN_BYTES:
                problem = f"it wrote more than {format_size(_MOST_WRITTEN_BYTES)}, and was ended"
            elif _processes() - processes > _MOST_PROCESSES:
                problem = f"it started more than {_MOST_PROCESSES} processes, and was ended"
            if problem:
                break
        channel.stop()
        if not said.listen_out(_LAST_SECONDS):
            problem = problem or "it ended, but what it started could not be ended"
    output = _printable(said.text)[-_SHOWN_CHARACTERS:]
    if status:
        problem = f"it ended with status {status}"
    if not problem and change.makes and _state(tree, change.makes) in (before, None):
        problem = f"it left {change.makes} as it was"
    return Ran(problem, output, time.monotonic() - began)


def _arguments(root: Path, devices: Path, change: RunInGuest) -> list[str]:
    argv = ["choom", "-n", "1000", "--"]  # When memory runs out, the guest's program is the first to go.
    argv += ["prlimit", f"--fsize={_MOST_FILE_BYTES}", "--core=0", "--nofile=8192", "--"]
    argv += ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    argv += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    for name in _CAPABILITIES:
        argv += ["--cap-add", f"CAP_{name}"]
    argv += ["--bind", str(root), "/", "--proc", "/proc", "--remount-ro", "/proc"]
    for place in ("/dev", "/sys", "/run", "/tmp"):
        argv += ["--tmpfs", place]
    for name in _DEVICES:
        argv += ["--dev-bind", str(devices / name), f"/dev/{name}"]
    for name, target in _LINKS.items():
        argv += ["--symlink", f"/proc/self/{target}", f"/dev/{name}"]
    argv += ["--dir", "/dev/shm"]
    argv += ["--chdir", "/", "--clearenv"]
    for key, value in (*_ENVIRONMENT.items(), *change.env):
        argv += ["--setenv", key, value]
    return [*argv, "--", "/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *change.argv]


@contextmanager
def _devices(runner: Runner) -> Iterator[Path]:
    """Device files of its own. Those that `bwrap --dev` binds are this machine's: a guest could change their mode and owner."""
    with folder_in_memory("dev", 1 << 16, 2 * len(_DEVICES), runner, devices=True) as folder:
        for name, numbers in _DEVICES.items():
            os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(*numbers))
            (folder / name).chmod(0o666)
        yield folder


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
