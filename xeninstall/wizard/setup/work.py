"""The real host behind the console."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from xeninstall.answers.dump import dump
from xeninstall.answers.model import Answers
from xeninstall.answers.passwords import is_password_of
from xeninstall.answers.sections import Sections
from xeninstall.apply.records import bundle
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit
from xeninstall.base.run import Runner
from xeninstall.host import packs
from xeninstall.host.apply import UNDO_SECONDS, apply
from xeninstall.host.changes import Changes, changes
from xeninstall.host.read import Current, read, sections_of
from xeninstall.host.state import State, cpu_percent, look
from xeninstall.host.tree import Tree
from xeninstall.host.undo import Pending, Undo
from xeninstall.machine.look import Look
from xeninstall.machine.model import Machine
from xeninstall.packs.load import Loaded, System
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import answers_with
from xeninstall.plan.check import check
from xeninstall.plan.wanted import Host
from xeninstall.wizard.draft import Draft

log = logging.getLogger("xeninstall.setup")

_WRONG_SECONDS = 3.0
_LOG_LINES = "300"
LOGS = {
    "errors": ("journalctl", "--boot", "--priority=err", "--no-pager", "--lines", _LOG_LINES),
    "journal": ("journalctl", "--boot", "--no-pager", "--lines", _LOG_LINES),
    "xen": ("xl", "dmesg"),
}


class RunningHost:
    """This computer."""

    def __init__(self, machine: Machine, runner: Runner, root: Path = Path("/"), seconds: int = UNDO_SECONDS) -> None:
        self._machine, self._runner, self._root, self._seconds = machine, runner, root, seconds
        self._undo = Undo(runner, root)
        self._current = Current({}, (), (), False)
        self._seen: State | None = None

    def state(self) -> State:
        """See Host."""
        before, now = self._seen, look(Look(self._runner, self._root))
        self._seen = now
        return replace(now, cpu_percent=cpu_percent(before, now)) if before else now

    def read(self) -> Current:
        """See Host."""
        self._current = read(Tree(self._root))
        return self._current

    def changes(self, draft: Draft) -> Changes:
        """See Host."""
        before, after = (self._settings(sections_of(data)) for data in (self._current.data, draft.data))
        return changes(Tree(self._root), before, after, self._current.unread)

    def apply(self, changes: Changes, draft: Draft, say: Callable[[str], None]) -> bool:
        """See Host."""
        log.info("changing %s", ", ".join(changes.topics))
        return apply(changes, dump(_loose(sections_of(draft.data))), self._runner, self._root, seconds=self._seconds, say=say)

    def add_pack(self, pack: Pack, emit: Emit) -> Loaded:
        """See Host."""
        log.info("loading the pack %s", pack.manifest.title)
        data = self._current.data
        before = next((one for one in self._current.packs if one.name == pack.manifest.name), None)
        wanted = answers_with(data.get("packs"), pack, {before.digest} if before else ())
        answers = dump(_loose(sections_of({**data, "packs": wanted})))
        return packs.add(pack, before, answers, self._runner, emit, System(self._root))

    def has_become(self, machine: Machine) -> None:
        """See Host."""
        self._machine = machine

    def pending(self) -> Pending | None:
        """See Host."""
        return self._undo.pending()

    def confirm(self) -> None:
        """See Host."""
        self._undo.confirm()

    def back(self) -> None:
        """See Host."""
        self._undo.back()

    def password_is(self, typed: str) -> bool:
        """See Host."""
        hashed = read(Tree(self._root)).data.get("root", {}).get("password_hash", "!")
        if hashed.startswith("$") and "\0" not in typed and is_password_of(hashed, typed.encode()):
            return True
        log.warning("a wrong password was given")
        time.sleep(_WRONG_SECONDS)
        return False

    def guests_are_saved(self) -> bool:
        """See Host."""
        return self._runner.run(["systemctl", "is-active", "--quiet", "xendomains.service"], check=False).status == 0

    def leave(self, how: str) -> None:
        """See Host."""
        self._runner.run(["systemctl", how])

    def log(self, name: str) -> str:
        """See Host."""
        done = self._runner.run(LOGS[name], check=False)
        if done.status != 0:
            raise Error(done.stderr.strip()[-200:] or f"{LOGS[name][0]} ended with status {done.status}", hint="look in a shell")
        return done.stdout[-60_000:]

    def gather(self) -> Path:
        """See Host."""
        out = self._root / "var/log/xeninstall" / f"logs-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz"
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        bundle(out, [], self._runner)
        return out

    def _settings(self, sections: Sections) -> Host:
        answers = _loose(sections)
        return Host(answers, self._machine, tuple(check(answers, self._machine).nics))


def _loose(sections: Sections) -> Answers:
    """Rules across keys have had their say, and what an installation needs of disks is nothing to this host."""
    return Answers.model_construct(**dict(sections))
