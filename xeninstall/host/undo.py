"""A change that is undone by itself unless somebody confirms it: by a timer of systemd's that outlives us, and at the next start.

The old files and a shell script that puts them back lie in /var/lib/xeninstall/undo. Whoever holds the lock there, the script
or a confirmation, is alone; what comes too late finds nothing to do.
"""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xeninstall.apply.host_files import inside, make_link, remove, write_file
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import MakeLink, Remove, WriteFile

from .changes import Changes
from .read import KEPT

PLACE = "/var/lib/xeninstall/undo"
SERVICE = "xeninstall-undo.service"
TIMER = "xeninstall-undo.timer"
_UNIT = f"/etc/systemd/system/{SERVICE}"
_WANTED = f"/etc/systemd/system/sysinit.target.wants/{SERVICE}"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_TEXT = f"""[Unit]
Description=Put back the settings that nobody has confirmed
DefaultDependencies=no
RequiresMountsFor=/var /etc
After=local-fs.target
Before=network-pre.target systemd-networkd.service nftables.service
ConditionPathExists={PLACE}/pending

[Service]
Type=oneshot
ExecStart=/bin/sh {PLACE}/undo
"""


class TooLate(Error):
    """The old settings are back already, or are coming back."""


@dataclass(frozen=True)
class Pending:
    """A change that waits for its confirmation."""

    seconds: int  # until it is undone
    topics: tuple[str, ...]


class Undo:
    """The way back of one change on the host below `root`."""

    def __init__(self, runner: Runner, root: Path = Path("/")) -> None:
        self._runner, self._root = runner, root

    def arm(self, changes: Changes, answers: str, seconds: int) -> None:
        """Keep the old files and start the timer; nothing is changed before. `answers` become the host's when it is confirmed.

        Raises Error, and leaves nothing, when it cannot be made sure of.
        """
        place = inside(self._root, PLACE)
        if (place / "pending").exists():
            raise Error("an earlier change still waits to be confirmed", hint="confirm it or have it undone first")
        shutil.rmtree(place, ignore_errors=True)
        (place / "files").mkdir(parents=True)
        place.chmod(0o700)
        (place / "answers.toml").touch(mode=0o640)
        (place / "answers.toml").write_text(answers, encoding="utf-8")
        (place / "undo").write_text(self._script(changes), encoding="utf-8")
        until = {"boot": self._boot(), "uptime": self._uptime() + seconds, "topics": changes.topics}
        (place / "pending").write_text(json.dumps(until), encoding="utf-8")
        write_file(self._root, WriteFile(path=_UNIT, text=_TEXT))
        make_link(self._root, MakeLink(path=_WANTED, to=_UNIT))
        try:
            self._runner.run(["sync", "--file-system", str(place)])
            self._runner.run(["systemctl", "daemon-reload"])
            self._runner.run(["systemd-run", f"--on-active={seconds}", "--timer-property=AccuracySec=1s", f"--unit={SERVICE}"])
        except Error:
            self._forget()
            raise

    def pending(self) -> Pending | None:
        """A change that waits, if there is one."""
        try:
            kept = json.loads(inside(self._root, f"{PLACE}/pending").read_text(encoding="utf-8"))
            left = kept["uptime"] - self._uptime() if kept["boot"] == self._boot() else 0
            return Pending(max(int(left), 0), tuple(str(topic) for topic in kept["topics"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def confirm(self) -> None:
        """The change stays, and its answers become the host's. Raises TooLate."""
        with self._alone() as place:
            answers = (place / "answers.toml").read_text(encoding="utf-8")
            self._runner.run(["systemctl", "stop", TIMER], check=False)
            write_file(self._root, WriteFile(path=KEPT, text=answers, mode=0o640))
            self._forget()
        self._runner.run(["systemctl", "daemon-reload"], check=False)

    def back(self) -> None:
        """Put the old files back now. Raises Error when that fails."""
        self._runner.run(["systemctl", "stop", TIMER], check=False)
        self._runner.run(["/bin/sh", str(inside(self._root, f"{PLACE}/undo"))])

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While files are written and services hear of it: the script waits for its turn."""
        with self._locked():
            yield

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        place = inside(self._root, PLACE)
        if not (place / "pending").exists():
            raise TooLate("the old settings are back: nobody confirmed the change in time", hint="change them again")
        with self._locked(wait=False):
            if not (place / "pending").exists():
                raise TooLate("the old settings are back: nobody confirmed the change in time", hint="change them again")
            yield place

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        path = inside(self._root, f"{PLACE}/lock")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise TooLate("the old settings are just coming back", hint="wait a moment, and change them again") from None
        finally:
            os.close(handle)

    def _script(self, changes: Changes) -> str:
        """Idempotent: a power cut in the middle repeats it at the next start. A command that fails does not stop it."""
        place = inside(self._root, PLACE)
        lines = [
            "#!/bin/sh",
            "# Puts back what `xeninstall setup` changed, unless it was confirmed.",
            f"cd {shlex.quote(str(place))} || exit 0",
            "exec 9>>lock",
            "flock -w 600 9 || exit 1",
            "[ -e pending ] || exit 0",
        ]
        for number, change in enumerate(changes.files):
            kept, target = place / "files" / str(number), inside(self._root, change.path)
            at = shlex.quote(str(target))
            if change.before is None:
                lines.append(f"rm -f {at}")
                continue
            # As it stands there: its owner, mode and time, and a link as a link.
            shutil.copy2(target, kept, follow_symlinks=False)
            if not target.is_symlink():
                os.chown(kept, target.stat().st_uid, target.stat().st_gid)
            lines.append(f"mkdir -p {shlex.quote(str(target.parent))}")
            lines.append(f"cp -a files/{number} {at}.xeninstall-old && mv -fT {at}.xeninstall-old {at}")
        # At the next start the services come up with the old files by themselves, and wait for this script: it must not wait
        # for them.
        boot_id = shlex.quote(str(inside(self._root, _BOOT_ID)))
        lines += ["sync", f'if [ "$(cat {boot_id})" = {self._boot()} ]; then', ":"]
        lines += [f"{shlex.join(argv)} || true" for argv in changes.undo]
        lines += ["else", ":", *(f"{shlex.join(argv)} || true" for argv in changes.undo if argv[0] == "hostname"), "fi"]
        for path in (_WANTED, _UNIT):
            lines.append(f"rm -f {shlex.quote(str(inside(self._root, path)))}")
        lines += ["mv -f pending undone", "systemctl --no-block daemon-reload || true", ""]
        return "\n".join(lines)

    def _forget(self) -> None:
        for path in (_WANTED, _UNIT, PLACE):
            remove(self._root, Remove(path=path))

    def _boot(self) -> str:
        return inside(self._root, _BOOT_ID).read_text().strip()

    def _uptime(self) -> float:
        return float(inside(self._root, "/proc/uptime").read_text().split()[0])
