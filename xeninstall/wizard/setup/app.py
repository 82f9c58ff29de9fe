"""The console as an application: the wizard's, with the host's state as its menu."""

import time
from typing import ClassVar

from textual import events
from textual.screen import ModalScreen

from xeninstall.wizard.app import Wizard
from xeninstall.wizard.kit import Ask, _
from xeninstall.wizard.kit.session import Offer

from .flows import CONFIRMING, LOADING, SETTINGS, STATUS
from .session import SetupSession
from .status import Status

_CHECK_SECONDS = 20.0
# Sections of the answers that each setting changes: what something else keeps on this host cannot be set here.
_SECTIONS = {
    "keyboard": ("keyboard",),
    "root": ("root",),
    "network": ("network",),
    "host": ("host", "dns"),
    "time": ("time",),
    "packages": ("packages",),
}


class SetupConsole(Wizard):
    """Its result is an exit code, or `exits.EXIT_SHELL`."""

    CSS_PATH: ClassVar[str] = "../wizard.tcss"

    def __init__(self, session: SetupSession) -> None:
        session.reload()
        # A change that waits is the first thing to be seen, by whoever may confirm it.
        waiting = session.host.pending() is not None and not session.guarded
        super().__init__(session, STATUS, [*SETTINGS, LOADING, CONFIRMING], CONFIRMING if waiting else None)
        self.host_session = session
        session.offers = self._offers

    def on_ready(self) -> None:
        """Lock it again when nobody is there any more."""
        if self.host_session.guarded:
            self.set_interval(_CHECK_SECONDS, self._lock)

    async def on_event(self, event: events.Event) -> None:
        """Every key press prolongs the time until the password is asked for again."""
        if isinstance(event, events.Key) and not self.host_session.locked and self.host_session.guarded:
            self.host_session.unlocked_at = time.monotonic()
        await super().on_event(event)

    def _lock(self) -> None:
        session = self.host_session
        if session.unlocked_at is None or not session.locked or self._is_at_work():
            return
        session.unlocked_at = None
        while isinstance(self.screen, ModalScreen):
            self.pop_screen()
        if not isinstance(self.screen, Status):
            session.reload()
            self.to_menu()

    def _is_at_work(self) -> bool:
        return any(worker.is_running and worker.group in ("apply", "settle", "load") for worker in self.workers)

    def _offers(self) -> list[Offer]:
        unread = self.host_session.current.unread
        out = []
        for flow in SETTINGS:
            kept = any(section in unread for section in _SECTIONS.get(flow.name, ()))
            why_not = _("something else than xeninstall keeps this here") if kept else ""
            out.append(Offer(flow.name, flow.title(), why_not))
        if self.host_session.host.pending() is not None:
            out.insert(0, Offer(CONFIRMING.name, _("A change waits to be confirmed"), ""))
        return out

    def to_menu(self) -> None:
        """See Wizard; settings are read anew."""
        self.host_session.reload()
        super().to_menu()

    def out_of_flow(self) -> None:
        """What was entered and not applied goes, and that is asked."""
        session = self.host_session
        if session.host.changes(session.draft).empty:
            self.to_menu()
            return
        text = _("It was not applied. The host stays as it is.")
        box = Ask(_("Drop what was entered?"), text, yes=_("Drop it"), no=_("Stay"))
        self.push_screen(box, lambda yes: self.to_menu() if yes else None)

    def leaving(self) -> str:
        """See Wizard."""
        if self.host_session.host.changes(self.host_session.draft).empty:
            return _("The host goes on as it is.")
        return _("What was entered and not applied is lost; the host goes on as it is.")
