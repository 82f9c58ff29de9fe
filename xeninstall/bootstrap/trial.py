"""A network change on trial: the old configuration is kept aside, and comes back by itself unless somebody confirms the new one.

What brings it back is a timer of systemd's and, should the machine restart before, a unit of its next boot; neither needs us.
Confirmed is whoever renames the mark first: confirmation and undoing cannot both happen.
"""

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from xeninstall.apply.host_files import inside, make_link, remove, write_file
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Runner
from xeninstall.plan.model import MakeLink, Remove, WriteFile

from .model import FileChange, TryNetwork
from .places import KEPT, TRIAL
from .prove import Prover
from .takeover import FIREWALL, SWITCH_SERVICE, UNDO_LINK, UNDO_UNIT

TIMER = "xeninstall-network-rollback"
_UNIT = f"""# Written by xeninstall bootstrap: a network change that was not confirmed does not outlive a restart.
[Unit]
Description=Put an unconfirmed network change back
DefaultDependencies=no
RequiresMountsFor={TRIAL}
Wants=network-pre.target
Before=network-pre.target networking.service systemd-networkd.service NetworkManager.service
ConditionPathExists=|{TRIAL}/unconfirmed
ConditionPathExists=|{TRIAL}/undoing

[Service]
Type=oneshot
ExecStart=/bin/sh {TRIAL}/undo boot

[Install]
WantedBy=sysinit.target
"""


class RolledBack(Error):
    """The change was not confirmed, and the network is as it was."""


class Trial:
    """One change, from its beginning to its end. `root` is / but for tests."""

    def __init__(self, runner: Runner, root: Path = Path("/")) -> None:
        self._runner, self._root = runner, root
        self.place = inside(root, TRIAL)

    @property
    def pending(self) -> bool:
        """Does a change wait for its confirmation?"""
        return (self.place / "unconfirmed").exists() or (self.place / "undoing").exists()

    def begin(self, action: TryNetwork, seconds: int) -> None:
        """Keep the old files, arm the way back, and only then write and switch."""
        self._keep(action)
        write_file(self._root, WriteFile(path=UNDO_UNIT, text=_UNIT))
        make_link(self._root, MakeLink(path=UNDO_LINK, to=UNDO_UNIT))
        self._runner.run(["systemctl", "daemon-reload"])
        self._runner.run(["systemctl", "stop", f"{TIMER}.timer"], check=False)
        back = ["/bin/sh", f"{TRIAL}/undo"]
        precisely = "--timer-property=AccuracySec=1s"
        self._runner.run(["systemd-run", "--quiet", "--collect", f"--unit={TIMER}", f"--on-active={seconds}", precisely, *back])
        os.sync()
        (self.place / "unconfirmed").write_text(f"{int(time.time()) + seconds}\n")
        for change in action.files:
            self._write(change)
        os.sync()
        self._runner.run(["systemctl", "reset-failed", SWITCH_SERVICE], check=False)
        self._runner.run(["systemd-run", "--quiet", "--collect", f"--unit={SWITCH_SERVICE}", "/bin/sh", f"{TRIAL}/switch"])

    def wait(self, prover: Prover, seconds: int, say: Callable[[str], None]) -> None:
        """Until it is proven, confirmed by somebody else, or undone. Raises RolledBack."""
        deadline, last = time.monotonic() + seconds + 60, ""
        while time.monotonic() < deadline:
            if (self.place / "confirmed").exists():
                return
            if (self.place / "undone").exists():
                break
            lacking = prover.lacking() if (self.place / "switched").exists() else "the network is being switched"
            if not lacking and self.confirm():
                return
            if lacking != last:
                say(lacking)
                last = lacking
            time.sleep(1)
        raise RolledBack(
            f"the network change was not confirmed within {seconds} s ({last}): the network is as it was before",
            hint="correct the answers' [network] and use the same command again",
        )

    def confirm(self) -> bool:
        """Keep the new network. False when it is being undone already, or nothing waits."""
        kept = self.place / "kept.json"
        if kept.exists():
            write_file(self._root, WriteFile(path=KEPT, text=kept.read_text(), mode=0o600))
        try:
            (self.place / "unconfirmed").rename(self.place / "confirmed")
        except FileNotFoundError:
            return False
        self.tidy()
        return True

    def tidy(self) -> None:
        """Remove the way back, for which nothing waits any more; also what a run left that was killed in the midst of it."""
        if self.pending or not inside(self._root, UNDO_UNIT).exists():
            return
        self._runner.run(["systemctl", "stop", f"{TIMER}.timer"], check=False)
        remove(self._root, Remove(path=UNDO_LINK))
        remove(self._root, Remove(path=UNDO_UNIT))
        os.sync()
        self._runner.run(["systemctl", "daemon-reload"], check=False)

    def undo(self) -> None:
        """Put everything back now, as the timer would."""
        self._runner.run(["systemctl", "stop", f"{TIMER}.timer"], check=False)
        self._runner.run(["systemd-run", "--quiet", "--collect", "--wait", "/bin/sh", f"{TRIAL}/undo"])
        if self.pending:
            raise Error(f"the earlier network change could not be put back: see {TRIAL}", hint=f"run /bin/sh {TRIAL}/undo")

    def _keep(self, action: TryNetwork) -> None:
        if self.pending:
            raise UsageError("a network change waits for its confirmation", hint="xeninstall bootstrap --confirm keeps it")
        shutil.rmtree(self.place, ignore_errors=True)
        before = self.place / "before"
        before.mkdir(parents=True)
        self.place.parent.chmod(0o700)
        self.place.chmod(0o700)
        for change in action.files:
            old = inside(self._root, change.path)
            if old.is_symlink() or old.is_file():
                _copy(old, before / change.path.lstrip("/"))
        texts = {
            "list": "".join(f"{path}\n" for path in dict.fromkeys(change.path for change in action.files)),
            "switch": action.switch,
            "undo": action.undo,
            "directories": "".join(f"{path}\n" for path in self._new_directories(action)),
            "made": "".join(f"{name}\n" for name in self._new_links(action)),
        }
        if any(change.path == FIREWALL for change in action.files):
            texts["ruleset"] = "flush ruleset\n" + self._runner.run(["nft", "list", "ruleset"]).stdout
        if action.kept is not None:
            texts["kept.json"] = action.kept.model_dump_json() + "\n"
        for unit_state in ("enabled", "active"):
            if self._runner.run(["systemctl", f"is-{unit_state}", "systemd-networkd.service"], check=False).status == 0:
                texts[f"networkd-was-{unit_state}"] = ""
        for name, text in texts.items():
            (self.place / name).write_text(text)
        os.sync()

    def _new_links(self, action: TryNetwork) -> list[str]:
        """Interfaces that the files describe and that are not there yet: undoing removes these, and no others."""
        devices = [change.text for change in action.files if isinstance(change, WriteFile) and change.path.endswith(".netdev")]
        names = [found[1] for text in devices if (found := re.search(r"^Name=(\S+)$", text, re.MULTILINE))]
        return [name for name in names if not inside(self._root, f"/sys/class/net/{name}").exists()]

    def _new_directories(self, action: TryNetwork) -> list[str]:
        """Directories that come with the files, the deepest first."""
        above = {str(parent) for change in action.files for parent in Path(change.path).parents}
        return sorted((path for path in above if not inside(self._root, path).exists()), reverse=True)

    def _write(self, change: FileChange) -> None:
        match change:
            case WriteFile():
                write_file(self._root, change)
            case MakeLink():
                make_link(self._root, change)
            case Remove():
                remove(self._root, change)


def _copy(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(old, new, follow_symlinks=False)
    owner = old.lstat()
    os.chown(new, owner.st_uid, owner.st_gid, follow_symlinks=False)
