"""A network change on trial: the old configuration comes back by itself unless the new one is proven, or somebody confirms it."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from xeninstall.apply.host_files import carry_out, inside, write_file
from xeninstall.apply.way_back import TooLate, WayBack
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import WriteFile

from .model import TryNetwork
from .places import KEPT, TRIAL
from .prove import Prover
from .takeover import FIREWALL, SWITCH_SERVICE

UNIT = "xeninstall-network-undo"


class RolledBack(Error):
    """The change was not confirmed, and the network is as it was."""


class Trial:
    """One change, from its beginning to its end. `root` is / but for tests."""

    def __init__(self, runner: Runner, root: Path = Path("/")) -> None:
        self._runner, self._root = runner, root
        self.way = WayBack(runner, TRIAL, UNIT, root)

    def begin(self, action: TryNetwork, seconds: int) -> None:
        """Keep the old files, arm the way back, and only then write and switch."""
        paths = tuple(change.path for change in action.files)
        for rules in (change for change in action.files if isinstance(change, WriteFile) and change.path == FIREWALL):
            self._check(rules.text)
        self.way.arm(paths, action.undo, action.undo_at_boot, seconds, self._notes(action))
        with self.way.holding():
            for change in action.files:
                carry_out(self._root, change)
            os.sync()
        self._runner.run(["systemctl", "reset-failed", SWITCH_SERVICE], check=False)
        self._runner.run(["systemd-run", "--quiet", "--collect", f"--unit={SWITCH_SERVICE}", "/bin/sh", f"{TRIAL}/switch"])

    def _check(self, rules: str) -> None:
        """Before anything is changed: the switch would go on without a firewall, and so would the host from then on."""
        done = self._runner.run(["nft", "--check", "--file", "-"], stdin=rules.encode(), check=False)
        if done.status != 0:
            raise Error(
                f"nft does not take the rules of the firewall: {done.stderr.strip()[:300]}",
                hint="correct the answers' [firewall], or leave it out; the network was not changed",
            )

    def wait(self, prover: Prover, seconds: int, say: Callable[[str], None]) -> None:
        """Until it is proven, confirmed by somebody else, or undone. Raises RolledBack."""
        deadline, last = time.monotonic() + seconds + 60, ""
        while time.monotonic() < deadline and not self.way.undone:
            if not self.way.waits:
                return
            lacking = prover.lacking() if (self.way.place / "switched").exists() else "the network is being switched"
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
        try:
            self.way.confirm(self._keep)
        except TooLate:
            return False
        return True

    def _keep(self) -> None:
        kept = self.way.place / "kept.json"
        if kept.exists():
            write_file(self._root, WriteFile(path=KEPT, text=kept.read_text(), mode=0o600))

    def _notes(self, action: TryNetwork) -> dict[str, str]:
        """What the scripts need to know, and what is kept of the old network when the new one stays."""
        notes = {"switch": action.switch, "made": "".join(f"{name}\n" for name in self._new_links(action))}
        if any(change.path == FIREWALL for change in action.files):
            notes["ruleset"] = "flush ruleset\n" + self._runner.run(["nft", "list", "ruleset"]).stdout
        if action.kept is not None:
            notes["kept.json"] = action.kept.model_dump_json() + "\n"
        for state in ("enabled", "active"):
            if self._runner.run(["systemctl", f"is-{state}", "systemd-networkd.service"], check=False).status == 0:
                notes[f"networkd-was-{state}"] = ""
        return notes

    def _new_links(self, action: TryNetwork) -> list[str]:
        """Interfaces that the files describe and that are not there yet: undoing removes these, and no others."""
        devices = [change.text for change in action.files if isinstance(change, WriteFile) and change.path.endswith(".netdev")]
        names = [found[1] for text in devices if (found := re.search(r"^Name=(\S+)$", text, re.MULTILINE))]
        return [name for name in names if not inside(self._root, f"/sys/class/net/{name}").exists()]
