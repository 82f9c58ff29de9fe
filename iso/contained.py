"""Processes that cannot outlive the build nor leave a mount behind: each runs in mount and process namespaces of its own.

`setpriv --pdeathsig` ends the command when the builder dies, even by SIGKILL; `unshare --kill-child` takes its children along;
its mounts vanish with the namespace. The image's own programs run in a chroot inside one.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from xeninstall.base.run import CommandError, Completed, Runner

from .builder import SOURCE_DATE_EPOCH

_CONTAIN = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
# Tools that the argument lists here start on the build machine, checked for before anything else.
TOOLS = ("mmdebstrap", "setpriv", "unshare", "mount", "chroot", "cp")
_NOTE_SECONDS = 15.0

# $1 is the root, $2 the date, then pairs of directory and name under /run, then --, then the command. /run and /tmp are empty
# and go away with the namespace; names are resolved as on the build machine, behind the image's link for /etc/resolv.conf.
_ENTER = """
set -e
root=$1 date=$2; shift 2
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/run/systemd/resolve"
cp -L /etc/resolv.conf "$root/run/systemd/resolve/stub-resolv.conf" || :
while [ "$1" != -- ]; do mkdir "$root/run/$2"; mount --bind "$1" "$root/run/$2"; shift 2; done
shift
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \\
 SOURCE_DATE_EPOCH="$date" "$@"
"""


def contained(argv: Sequence[str]) -> list[str]:
    """The argument list that runs a command of the build machine in namespaces of its own, with our date."""
    return [*_CONTAIN, "env", f"SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}", *argv]


def inside(root: Path, argv: Sequence[str], binds: Mapping[str, Path] | None = None) -> list[str]:
    """The argument list that runs a program of the image, in it; `binds` puts directories of the build machine under /run."""
    pairs = [part for name, path in (binds or {}).items() for part in (str(path), name)]
    return [*_CONTAIN, "sh", "-c", _ENTER, "enter", str(root), str(SOURCE_DATE_EPOCH), *pairs, "--", *argv]


def run_inside(runner: Runner, root: Path, argv: Sequence[str], binds: Mapping[str, Path] | None = None) -> str:
    """Run a program of the image to its end and return what it said; its failure names the program, not how it was entered."""
    done = runner.run(inside(root, argv, binds), check=False)
    return _checked(done, argv).stdout


def watch(
    runner: Runner, argv: Sequence[str], said_as: Sequence[str], note: Callable[[], str], say: Callable[[str], None]
) -> Completed:
    """Run a long command, with a line of progress now and then; ended with its children when we are stopped."""
    process = runner.start(argv)
    try:
        while (done := process.wait_for(_NOTE_SECONDS)) is None:
            if line := note():
                say(line)
    except BaseException:
        process.stop()
        raise
    return _checked(done, said_as)


def _checked(done: Completed, said_as: Sequence[str]) -> Completed:
    if done.status != 0:
        raise CommandError(said_as, done.status, done.stderr or done.stdout)
    return done
