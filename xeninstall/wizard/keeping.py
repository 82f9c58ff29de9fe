"""What was entered, on disk while the wizard runs: a lost terminal, or a wizard that was killed, loses nothing.

It lies under /run, which is memory, and root alone may read it. Of a password it holds what the draft holds, which is the
hash. Hooks, whose address often carries a token, come from an answer file, and are taken from there again.
"""

import contextlib
import fcntl
import json
import logging
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from xeninstall.apply.target import STATE, place_of

from .kit import Session
from .kit.language import LANGUAGES, current

log = logging.getLogger("xeninstall.wizard")

_FORM = 1  # of the file; another one is as good as none
_HOOKS = "hooks"
_MOMENT = "$moment"  # JSON has no form of one


@dataclass(frozen=True)
class Kept:
    """What an earlier wizard left: the draft, and where in which flow it was."""

    data: dict[str, Any]
    shelf: dict[str, object] = field(default_factory=dict)
    language: str = "en"
    flow: str = ""
    step: str = ""
    reviewed: bool = False
    hooks: bool = False  # there were some
    ended: str = ""  # the last time something was entered, as HH:MM


class Keeper:
    """The file of one target. Two wizards at once have no business with each other's: the second keeps nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = -1
        self.keeps = True  # until it turns out that it cannot

    @classmethod
    def of(cls, target: str) -> Self:
        """For an image file or a disk by name; without one, for whatever disk is going to be chosen."""
        return cls((place_of(target) if target else STATE / "wizard").with_suffix(".draft.json"))

    def take(self) -> Kept | None:
        """Begin to keep; what a wizard before this one has left, or None."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            log.warning("what is entered is not kept: %s", error)
            self.keeps = False
            return None
        return _read(self._path)

    def keep(self, session: Session, flow: str, step: str) -> None:
        """Write it all, so that a kill at any moment leaves this state or the one before."""
        if not self.keeps:
            return
        held = {
            "form": _FORM,
            "data": {name: table for name, table in session.draft.data.items() if name != _HOOKS},
            "hooks": session.draft.given(_HOOKS),
            "shelf": session.shelf,
            "language": current(),
            "flow": flow,
            "step": step,
            "reviewed": session.reviewed,
        }
        fresh = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
                json.dump(held, file, default=_moment)
            fresh.replace(self._path)
        except OSError as error:
            log.warning("what is entered is not kept: %s", error)
            self.keeps = False  # once is enough to know

    def forget(self) -> None:
        """It is not needed any more."""
        if self.keeps:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another wizard have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _read(path: Path) -> Kept | None:
    """What the file says; nothing when there is none, or it is not one of ours."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"), object_hook=_moments)
        ended = datetime.fromtimestamp(path.stat().st_mtime).strftime("%H:%M")
    except (OSError, ValueError):
        return None
    if not (isinstance(held, dict) and held.get("form") == _FORM):
        return None
    data, shelf, language = held.get("data"), held.get("shelf"), held.get("language")
    if not (isinstance(data, dict) and isinstance(shelf, dict) and language in LANGUAGES):
        return None
    flow, step = str(held.get("flow")), str(held.get("step"))
    reviewed, hooks = held.get("reviewed") is True, held.get("hooks") is True
    return Kept(data, shelf, str(language), flow, step, reviewed, hooks, ended)


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    raise TypeError(f"{type(value).__name__} is nothing that is entered")


def _moments(found: dict[str, Any]) -> Any:  # noqa: ANN401 — whatever JSON holds
    return datetime.fromisoformat(found[_MOMENT]) if list(found) == [_MOMENT] else found
