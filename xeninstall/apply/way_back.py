"""Files that come back by themselves unless somebody confirms their change: by a timer of systemd's, and at the next start.

Neither needs us: the old files and a shell script that puts them back lie in a directory of this change's own. Whoever holds the
lock there is alone, be it the script, a confirmation, or who writes the new files; what comes too late finds nothing to do.
"""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import MakeLink, Remove, WriteFile

from .host_files import inside, make_link, remove, write_file

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_UNIT = """[Unit]
Description=Put back the settings that nobody has confirmed
DefaultDependencies=no
RequiresMountsFor=/var /etc
After=local-fs.target
Before=network-pre.target networking.service systemd-networkd.service NetworkManager.service nftables.service
ConditionPathExists={place}/pending

[Service]
Type=oneshot
# A DHCP client that ifup has started stays.
KillMode=process
ExecStart=/bin/sh {place}/undo
"""


class TooLate(Error):
    """The old settings are back already, or are coming back."""


class WayBack:
    """The way back of one change on the host below `root`: kept in the directory `place`, walked by the unit `name`."""

    def __init__(self, runner: Runner, place: str, name: str, root: Path = Path("/")) -> None:
        self._runner, self._root = runner, root
        self.place = inside(root, place)
        self._service, self._timer = f"{name}.service", f"{name}.timer"
        self._unit = f"/etc/systemd/system/{self._service}"
        self._wanted = f"/etc/systemd/system/sysinit.target.wants/{self._service}"
        self._text = _UNIT.format(place=place)

    @property
    def waits(self) -> bool:
        """Does a change wait for its confirmation?"""
        return (self.place / "pending").exists()

    @property
    def undone(self) -> bool:
        """Did the last change go back?"""
        return (self.place / "undone").exists()

    def arm(
        self, paths: tuple[str, ...], running: tuple[str, ...], at_boot: tuple[str, ...], seconds: int, notes: Mapping[str, str]
    ) -> None:
        """Keep the files at `paths` as they are and start the timer; nothing is changed before.

        When the files are back, the shell lines `running` make the running system follow them, and at the next start, before
        anything of the network, the lines `at_boot`. Both find the files `notes`, by name, in the current directory.
        Raises Error, and leaves nothing, when it cannot be made sure of.
        """
        if self.waits:
            raise Error("an earlier change still waits to be confirmed", hint="confirm it or have it undone first")
        shutil.rmtree(self.place, ignore_errors=True)
        (self.place / "files").mkdir(parents=True)
        self.place.chmod(0o700)
        for name, text in notes.items():
            (self.place / name).write_text(text, encoding="utf-8")
        (self.place / "undo").write_text(self._script(paths, running, at_boot), encoding="utf-8")
        until = {"boot": self._boot(), "uptime": self._uptime() + seconds}
        (self.place / "pending").write_text(json.dumps(until), encoding="utf-8")
        write_file(self._root, WriteFile(path=self._unit, text=self._text))
        make_link(self._root, MakeLink(path=self._wanted, to=self._unit))
        try:
            self._runner.run(["sync", "--file-system", str(self.place)])
            self._runner.run(["systemctl", "daemon-reload"])
            timer = [f"--on-active={seconds}", "--timer-property=AccuracySec=1s", f"--unit={self._service}"]
            self._runner.run(["systemd-run", "--quiet", *timer])
        except Error:
            self._forget()
            raise

    def left(self) -> int:
        """Seconds until the change that waits is undone."""
        try:
            kept = json.loads((self.place / "pending").read_text(encoding="utf-8"))
            return max(int(kept["uptime"] - self._uptime()), 0) if kept["boot"] == self._boot() else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def confirm(self, keep: Callable[[], None]) -> None:
        """The change stays; `keep` is done while it cannot be undone any more. Raises TooLate."""
        if not self.waits:
            raise _too_late()
        with self._locked(wait=False):
            if not self.waits or (self.place / "undoing").exists():
                raise _too_late()
            keep()
            (self.place / "pending").unlink()
            self.tidy()

    def tidy(self) -> None:
        """Remove the way back of a change that was confirmed, also by a run that was killed in the midst of it."""
        if self.waits or self.undone or not inside(self._root, self._unit).exists():
            return
        self._runner.run(["systemctl", "stop", self._timer], check=False)
        self._forget()
        self._runner.run(["systemctl", "daemon-reload"], check=False)

    def back(self) -> None:
        """Put the old files back now, by a process that a session which ends does not take along. Raises Error."""
        script = str(self.place / "undo")
        self._runner.run(["systemctl", "stop", self._timer], check=False)
        self._runner.run(["systemd-run", "--quiet", "--collect", "--wait", "--property=KillMode=process", "/bin/sh", script])
        if self.waits:
            raise Error(f"the old settings could not be put back: see {self.place}", hint=f"run /bin/sh {script}")

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While files are written and services hear of it: the script waits for its turn."""
        with self._locked():
            yield

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        handle = os.open(self.place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise TooLate("the old settings are just coming back", hint="wait a moment, and change them again") from None
        finally:
            os.close(handle)

    def _script(self, paths: tuple[str, ...], running: tuple[str, ...], at_boot: tuple[str, ...]) -> str:
        """Idempotent: a power cut in the middle repeats it at the next start. A command that fails does not stop it."""
        lines = [
            "#!/bin/sh",
            "# Written by xeninstall: puts back what was changed, unless it was confirmed.",
            f"cd {shlex.quote(str(self.place))} || exit 0",
            "exec 9>>lock",
            "flock -w 600 9 || exit 1",
            "[ -e pending ] || exit 0",
            "touch undoing",
        ]
        missing: set[Path] = set()
        for number, path in enumerate(dict.fromkeys(paths)):
            kept, target = self.place / "files" / str(number), inside(self._root, path)
            at = shlex.quote(str(target))
            missing |= {parent for parent in target.parents if not parent.exists()}
            if not target.is_symlink() and not target.is_file():
                lines.append(f"rm -f {at}")
                continue
            # As it stands there: its owner, mode and time, and a link as a link.
            shutil.copy2(target, kept, follow_symlinks=False)
            owner = target.lstat()
            os.chown(kept, owner.st_uid, owner.st_gid, follow_symlinks=False)
            lines.append(f"mkdir -p {shlex.quote(str(target.parent))}")
            lines.append(f"cp -a files/{number} {at}.xeninstall-old && mv -fT {at}.xeninstall-old {at}")
        # Directories that came with the files, the deepest first.
        lines += [f"rmdir {shlex.quote(str(path))} 2>/dev/null" for path in sorted(missing, reverse=True)]
        # At the next start the services come up with the old files by themselves, and wait for this script: it must not wait
        # for them. What a command leaves running must not keep the lock.
        same_boot = f'[ "$(cat {shlex.quote(str(inside(self._root, _BOOT_ID)))})" = {self._boot()} ]'
        lines += ["sync", f"if {same_boot}; then", ":", *running, "else", ":", *at_boot, "fi 9>&-"]
        lines += [f"rm -f {shlex.quote(str(inside(self._root, path)))}" for path in (self._wanted, self._unit)]
        # A reload now would take KillMode from a unit without a file, and with it the DHCP client that ifup has just started.
        lines += ["mv -f pending undone", "sync", f"{same_boot} || systemctl --no-block daemon-reload", "exit 0", ""]
        return "\n".join(lines)

    def _forget(self) -> None:
        for path in (self._wanted, self._unit):
            remove(self._root, Remove(path=path))
        shutil.rmtree(self.place, ignore_errors=True)

    def _boot(self) -> str:
        return inside(self._root, _BOOT_ID).read_text().strip()

    def _uptime(self) -> float:
        return float(inside(self._root, "/proc/uptime").read_text().split()[0])


def _too_late() -> TooLate:
    return TooLate("the old settings are back: nobody confirmed the change in time", hint="change them again")
