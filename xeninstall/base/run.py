"""The only place that starts processes: argument lists, a plain locale, closed standard input, one log line a command.

A `Runner` is passed down to whoever needs one, so that tests hand in a recorder instead.
"""

import fcntl
import logging
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from .errors import Error

log = logging.getLogger("xeninstall.run")

# Where Debian keeps each program that we start, for the message when one is missing.
PACKAGE_OF = {
    "arping": "iputils-arping",
    "bash": "bash",
    "blkid": "util-linux",
    "blockdev": "util-linux",
    "btrfs": "btrfs-progs",
    "bwrap": "bubblewrap",
    "choom": "util-linux",
    "chroot": "coreutils",
    "cryptsetup": "cryptsetup-bin",
    "curl": "curl",
    "date": "coreutils",
    "e2fsck": "e2fsprogs",
    "efibootmgr": "efibootmgr",
    "ethtool": "ethtool",
    "findmnt": "util-linux",
    "fsck.vfat": "dosfstools",
    "grub-mkimage": "grub-common",
    "hivexregedit": "libwin-hivex-perl",
    "hwclock": "util-linux-extra",
    "ip": "iproute2",
    "losetup": "mount",
    "lsblk": "util-linux",
    "lvcreate": "lvm2",
    "lvs": "lvm2",
    "lsinitramfs": "initramfs-tools-core",
    "mcopy": "mtools",
    "mdadm": "mdadm",
    "mdel": "mtools",
    "mdir": "mtools",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mmd": "mtools",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "openssl": "openssl",
    "ping": "iputils-ping",
    "prlimit": "util-linux",
    "pvcreate": "lvm2",
    "depmod": "kmod",
    "dmesg": "util-linux",
    "debugfs": "e2fsprogs",
    "modprobe": "kmod",
    "pvs": "lvm2",
    "ntfs-3g": "ntfs-3g",
    "ntfscluster": "ntfs-3g",
    "partclone.btrfs": "partclone",
    "partclone.exfat": "partclone",
    "partclone.extfs": "partclone",
    "partclone.f2fs": "partclone",
    "partclone.fat": "partclone",
    "partclone.hfsp": "partclone",
    "partclone.ntfs": "partclone",
    "partclone.xfs": "partclone",
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "qemu-system-x86_64": "qemu-system-x86",
    "sfdisk": "fdisk",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ssh-keyscan": "openssh-client",
    "sync": "coreutils",
    "timeout": "coreutils",
    "systemctl": "systemd",
    "tune2fs": "e2fsprogs",
    "udevadm": "udev",
    "umount": "mount",
    "unsquashfs": "squashfs-tools",
    "mksquashfs": "squashfs-tools",
    "vgchange": "lvm2",
    "vgcreate": "lvm2",
    "vgremove": "lvm2",
    "vgs": "lvm2",
    "wipefs": "util-linux",
    "xfs_db": "xfsprogs",
    "xfs_logprint": "xfsprogs",
    "xorriso": "xorriso",
    "xl": "xen-utils-common",
    "zstd": "zstd",
}
_SAID_BLOCKS = 8  # of a KiB at most: the end of what a program complained about
_PIPE_BYTES = 1 << 20
# Programs of the system live here even where a user's PATH leaves them out.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandError(Error):
    """A command ended badly: the command, its exit status and the end of what it said."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip()[-600:] or "it said nothing"
        ended = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"failed with status {status}"
        super().__init__(f"{shlex.join(argv)[:300]} {ended}: {said}")
        self.status, self.said = status, said


class MissingTool(Error):
    """A program that the work needs is not on this machine."""

    def __init__(self, name: str) -> None:
        package = PACKAGE_OF.get(name)
        hint = f"install the Debian package {package}" if package else f"install a package that provides {name}"
        super().__init__(f"the program {name} is missing", hint=hint)


@dataclass(frozen=True)
class Completed:
    """How a command ended: its exit status and what it wrote, as text."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Process(Protocol):
    """A command still at work."""

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""

    def wait_for(self, seconds: float) -> Completed | None:
        """What came of it, or None when it still runs after that long."""

    def stop(self) -> None:
        """End it and whatever it started; returns when it is gone."""


class Runner(Protocol):
    """Starts commands. `SystemRunner` does; a test's recorder only remembers."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        """Run to the end. `stdin` may hold a secret: it is never logged. Raises CommandError when `check` is set."""

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        """Start and return at once, for commands whose progress is watched from outside."""


class _Running:
    def __init__(self, argv: Sequence[str], popen: "subprocess.Popen[bytes]") -> None:
        self.argv, self._popen = tuple(argv), popen

    def poll(self) -> int | None:
        return self._popen.poll()

    def wait_for(self, seconds: float) -> Completed | None:
        try:
            out, err = self._popen.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        return Completed(self.argv, self._popen.returncode, _text(out), _text(err))

    def stop(self) -> None:
        _kill_group(self._popen)


class SystemRunner:
    """Really starts commands, each in a session of its own so that Ctrl+C reaches us first and we end it cleanly."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        """See Runner.run."""
        with _popen(argv, stdin, cwd) as popen:
            try:
                out, err = popen.communicate(stdin)
            except BaseException:
                _kill_group(popen)
                raise
        done = Completed(tuple(argv), popen.returncode, _text(out), _text(err))
        log.debug("status %d%s", done.status, f": {done.stderr.strip()[-2000:]}" if done.stderr.strip() else "")
        if check and done.status != 0:
            raise CommandError(argv, done.status, done.stderr or done.stdout)
        return done

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        """See Runner.start."""
        return _Running(argv, _popen(argv, None, cwd))


def interact(argv: Sequence[str]) -> int:
    """Give our terminal to a program, such as a shell, until it ends; returns its exit status. Ctrl+C is for the program."""
    log.debug("+ %s", shlex.join(argv))
    program = argv[0] if "/" in argv[0] else find_tool(argv[0])
    if program is None or not Path(program).is_file():
        raise MissingTool(argv[0])
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # Its own environment, so that the terminal's kind and the user's language reach it.
        with subprocess.Popen(argv, executable=program, preexec_fn=_default_interrupt) as popen:
            try:
                return popen.wait()
            except BaseException:
                popen.kill()
                raise
    except OSError as error:
        raise Error(f"{argv[0]} could not be started: {error.strerror}") from error
    finally:
        signal.signal(signal.SIGINT, kept)


class Channel:
    """A program that we talk to for as long as it runs. It sees the end of its input when we are gone, however that comes."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        assert popen.stdin is not None and popen.stdout is not None and popen.stderr is not None
        self._popen, self._said = popen, deque[bytes](maxlen=_SAID_BLOCKS)
        self.writes, self.reads = popen.stdin.fileno(), popen.stdout.fileno()
        for fd in (self.writes, self.reads):
            with suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # fewer changes between the two of us
        self._listener = threading.Thread(target=self._listen, args=(popen.stderr,), daemon=True)
        self._listener.start()

    def _listen(self, errors: IO[bytes]) -> None:
        while block := os.read(errors.fileno(), 1024):
            self._said.append(block)

    @property
    def said(self) -> str:
        """The end of what it wrote on standard error."""
        return _text(b"".join(list(self._said))).strip()

    def wait_for(self, seconds: float) -> int | None:
        """Its exit status, or None when it still runs after that long."""
        with suppress(subprocess.TimeoutExpired):
            return self._popen.wait(seconds)
        return None

    def end_input(self) -> None:
        """Nothing more comes."""
        assert self._popen.stdin is not None
        with suppress(OSError):
            self._popen.stdin.close()

    def stop(self, seconds: float = 0) -> int:
        """Wait so long for its end, then end it. Returns its exit status; whoever reads from it sees the end."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill_group(self._popen)
        self._listener.join(1)
        return self._popen.returncode if self._popen.returncode is not None else -signal.SIGKILL

    def close(self, seconds: float = 5) -> int:
        """End its input, and it after that long. Returns its exit status. Nobody may read or write any more."""
        assert self._popen.stdout is not None
        self.end_input()
        status = self.stop(seconds)
        self._popen.stdout.close()
        return status


def talk(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Channel:
    """Start a program whose standard input and output are ours. `environment` is added to the plain one."""
    log.debug("+ %s", shlex.join(argv))
    program = argv[0] if "/" in argv[0] else find_tool(argv[0])
    if program is None or not Path(program).is_file():
        raise MissingTool(argv[0])
    env = {"PATH": _PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/root", **(environment or {})}
    # No guard that ends it with the thread that started it: connections are made by one thread and used by others.
    pipe = subprocess.PIPE
    try:
        popen = subprocess.Popen(
            argv, executable=program, stdin=pipe, stdout=pipe, stderr=pipe, env=env, start_new_session=True, bufsize=0
        )
    except OSError as error:
        raise Error(f"{argv[0]} could not be started: {error.strerror}") from error
    return Channel(popen)


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def find_tool(name: str) -> str | None:
    """The full path of a program, looked for where the system keeps its own, or None."""
    return shutil.which(name, path=_PATH)


def _popen(argv: Sequence[str], stdin: bytes | None, cwd: Path | None) -> "subprocess.Popen[bytes]":
    log.debug("+ %s", shlex.join(argv))
    name = argv[0]
    program = argv[0] if "/" in argv[0] else find_tool(argv[0])
    if program is None or not Path(program).is_file():
        raise MissingTool(argv[0])
    # A command must not go on writing to a target when we are killed; the kernel ends it with us.
    guard = find_tool("setpriv")
    if guard is not None:
        argv, program = [guard, "--pdeathsig", "KILL", "--", program, *argv[1:]], guard
    env = {"PATH": _PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    env |= {key: os.environ[key] for key in ("TMPDIR", "SOURCE_DATE_EPOCH") if key in os.environ}
    try:
        return subprocess.Popen(
            argv,
            executable=program,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        where = f" in {cwd}" if cwd is not None else ""
        raise Error(f"{name} could not be started{where}: {error.strerror}") from error


def _kill_group(popen: "subprocess.Popen[bytes]") -> None:
    # The second signal goes out even when the command itself has obeyed the first: what it started may not have.
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(popen.pid, number)
            popen.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
