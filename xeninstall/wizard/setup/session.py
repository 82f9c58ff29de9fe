"""What the console's steps look at and change, beside what every step of the wizard has."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from xeninstall.base.events import Emit
from xeninstall.host.changes import Changes
from xeninstall.host.read import Current
from xeninstall.host.state import State
from xeninstall.host.undo import Pending
from xeninstall.machine.model import Machine
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Pack
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.kit import Session

LOCK_SECONDS = 300


class Host(Protocol):
    """The running host; the real one is `xeninstall.wizard.setup.work`. What may take time is called in a thread."""

    def state(self) -> State:
        """How it does now."""

    def read(self) -> Current:
        """Its settings."""

    def changes(self, draft: Draft) -> Changes:
        """What the draft changes about what was read last."""

    def apply(self, changes: Changes, draft: Draft, say: Callable[[str], None]) -> bool:
        """Do it; True when it waits to be confirmed. Raises Error."""

    def add_pack(self, pack: Pack, emit: Emit) -> Loaded:
        """Load it, and keep it for the next starts and in the answers, with the settings that were read last. Raises Error."""

    def has_become(self, machine: Machine) -> None:
        """The computer has other devices than before."""

    def pending(self) -> Pending | None:
        """A change that waits to be confirmed."""

    def confirm(self) -> None:
        """It stays. Raises Error."""

    def back(self) -> None:
        """It goes. Raises Error."""

    def password_is(self, typed: str) -> bool:
        """Whether this is root's password; slow on purpose where it is not."""

    def guests_are_saved(self) -> bool:
        """Whether running guests are saved when the host goes down."""

    def leave(self, how: str) -> None:
        """`reboot` or `poweroff`. Raises Error."""

    def log(self, name: str) -> str:
        """The end of one of its logs. Raises Error."""

    def gather(self) -> Path:
        """Everything that helps, in one file. Raises Error."""


@dataclass
class SetupSession(Session):
    """One run of the console. `guarded`: nobody has logged in, so root's password is asked for before anything but looking."""

    host: Host = field(kw_only=True)
    guarded: bool = False
    current: Current = field(default_factory=lambda: Current({}, (), (), False))
    state: State | None = None
    news: str = ""  # what was just done, for the status screen
    unlocked_at: float | None = None  # the last key press since the password was given, on the monotonic clock

    @property
    def locked(self) -> bool:
        """Whether the password has to be given (again)."""
        if not self.guarded:
            return False
        return self.unlocked_at is None or time.monotonic() - self.unlocked_at > LOCK_SECONDS

    def reload(self) -> None:
        """The host's settings as they are; what was entered and not applied is gone."""
        self.current = self.host.read()
        self.draft.put(self.current.data)
        self.shelf.clear()
        self.kept_sets = tuple(str(name) for name in self.current.data.get("packages", {}).get("sets", ()))
