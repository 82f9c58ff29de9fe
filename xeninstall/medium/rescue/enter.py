"""An installed system mounted with what programs in it expect around it, and everything taken away again afterwards."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xeninstall.apply.host_files import inside
from xeninstall.apply.target import unmount
from xeninstall.base.errors import Error
from xeninstall.base.interruption import held
from xeninstall.base.run import Runner

from .hosts import Host, device

_RESOLV_CONF = Path("/etc/resolv.conf")
_SHELLS = ("/bin/bash", "/bin/sh")


@contextmanager
def entered(host: Host, runner: Runner, *, write: bool) -> Iterator[Path]:
    """Mount the host, read-only unless `write`, with /dev, /proc, /sys, /run and this system's name servers. Raises Error."""
    mounts: list[Path] = []
    with device(host, runner, write=write) as node, tempfile.TemporaryDirectory(prefix="xeninstall-rescue-") as place:
        root = Path(place)

        def mount(point: Path, *argv: str) -> None:
            with held():
                runner.run(["mount", *argv, str(point)])
                mounts.append(point)

        try:
            if write and host.array:
                # It was assembled read-only, to be looked at.
                runner.run(["mdadm", "--readwrite", node], check=False)
            # noload: a journal is not replayed unless writing was asked for.
            quiet = ",noload" if host.fstype in ("ext3", "ext4") else ""
            mount(root, "-t", host.fstype, "-o", "rw" if write else f"ro{quiet}", node)
            for point, argv in (
                ("proc", ("-t", "proc", "proc")),
                ("sys", ("-t", "sysfs", "sysfs")),
                ("dev", ("--bind", "/dev")),
                ("dev/pts", ("--bind", "/dev/pts")),
                ("run", ("-t", "tmpfs", "-o", "mode=0755", "tmpfs")),
            ):
                if (inside(root, point)).is_dir():
                    mount(inside(root, point), *argv)
            _name_servers(root, mount)
            yield root
        finally:
            while mounts:
                unmount(mounts.pop(), runner)


def shell(host: Host, runner: Runner, interact: Callable[[Sequence[str]], int], *, write: bool) -> int:
    """A shell inside of the host; returns its exit status. Everything is unmounted when it ends, however it ends."""
    with entered(host, runner, write=write) as root:
        program = next((path for path in _SHELLS if inside(root, path).exists()), None)
        if program is None:
            raise Error(f"{host.place} has no shell", hint="mount it by hand, from the medium's own shell")
        return interact(["chroot", str(root), program, "-l"])


def _name_servers(root: Path, mount: Callable[..., None]) -> None:
    """This system's resolv.conf where the host looks for it; a link into /run leads into the empty one that lies over it."""
    if not _RESOLV_CONF.is_file():
        return
    place = inside(root, "/etc/resolv.conf")
    for _ in range(8):
        if not place.is_symlink():
            break
        to = str(place.readlink())
        place = inside(root, to if to.startswith("/") else f"/{place.parent.relative_to(root)}/{to}")
    if root / "run" in place.parents:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_RESOLV_CONF.read_text())
    elif place.is_file():
        mount(place, "--bind", str(_RESOLV_CONF))
