"""Fifth stage: the same bytes every time. What a build leaves behind of itself is removed, and no time stamp is the build's."""

import os
import shutil
from pathlib import Path

from .builder import SOURCE_DATE_EPOCH, Build, every_path, write
from .product import HOME

# Emptied directories: logs and caches of the build, which the host fills with its own.
_EMPTIED = (
    *("var/log", "var/cache/apt", "var/cache/man", "var/cache/ldconfig", "var/lib/apt/lists"),
    *("run", "tmp", "var/tmp", "root/.cache"),
)
# Removed: seeds and keys, which must be each host's own; and backups, which tell in what order packages were configured.
_REMOVED = (
    "etc/ssh/ssh_host_*",
    "etc/nvme/hostid",
    "etc/nvme/hostnqn",
    "etc/.pwd.lock",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "etc/.resolv.conf.systemd-resolved.bak",
    "etc/mtab.tmp",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/apt/*lock*",
    "var/cache/debconf/*-old",
    "var/lib/ucf/*.[0-9]",
    "var/lib/apt/daily_lock",
    "root/.bash_history",
    "root/.wget-hsts",
)
# As systemd-update-done writes it: what a new /usr asks of /etc and /var has been done, by the packages' own scripts, so that the
# first boot does not do it again (hardware database, journal catalogue).
_UPDATED = (
    "# This file was created by systemd-update-done. The timestamp below is the\n"
    "# modification time of /usr/ for which the most recent updates of /etc and /var\n"
    f"# have been applied. See man:systemd-update-done.service(8) for details.\nTIMESTAMP_NSEC={SOURCE_DATE_EPOCH}000000000\n"
)


def normalise(build: Build) -> None:
    """Make the image's tree depend on its inputs alone."""
    normalise_tree(build.root)


def normalise_tree(root: Path) -> None:
    """The same for any tree that becomes a squashfs."""
    for name in _EMPTIED:
        _empty(root / name)
    for pattern in _REMOVED:
        for path in root.glob(pattern):
            path.unlink()
    for folder in ("etc", "var"):
        write(root / folder / ".updated", _UPDATED)
    _date(root)


def _empty(folder: Path) -> None:
    """Delete the files in it; directories stay in /var/log, where services expect their own."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if folder.parts[-2:] == ("var", "log") or path.name in ("partial", "archives", "private"):
                _empty(path)
            else:
                shutil.rmtree(path)
        else:
            path.unlink()


def _date(root: Path) -> None:
    """Nothing is younger than the release. Our own files are dated to it, since a checkout dates them to itself."""
    ours = root / HOME.lstrip("/")
    for path in reversed(every_path(root)):
        if path.lstat().st_mtime > SOURCE_DATE_EPOCH or path.is_relative_to(ours):
            os.utime(path, (SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH), follow_symlinks=False)
