"""Reboot and shutdown: what becomes of running guests is said first."""

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard.kit import Ask, Row, Rows, Step, _, counted, plain

from .session import SetupSession


class Power(Step):
    """Two rows, each with a question."""

    NAME = "power"
    session: SetupSession

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Reboot and shutdown")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Running guests are saved to disk when the host goes down, and restored when it is up again (the service "
            "xendomains). That takes room for their memory, and time: some seconds a GiB.\n\n"
            "Where that service is off, guests lose what they have not written, as by a power cut."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Choose")

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static(plain(self._about_guests()), id="guests", classes="text", markup=False)
        yield Static("", markup=False)
        rows = [Row("reboot", _("Reboot"), (_("start this host again"),)), Row("poweroff", _("Power off"))]
        yield Rows(rows, id="power")

    def _about_guests(self) -> str:
        state = self.session.state
        if state is None or state.guests is None:
            return _("Xen does not tell which guests run.")
        if not state.guests:
            return _("No guest is running.")
        running = counted("{n} guest is running", "{n} guests are running", len(state.guests))
        names = ", ".join(one.name for one in state.guests)
        if self.session.host.guests_are_saved():
            after = _("They are saved first, and restored when the host is up again.")
        else:
            after = _("They are NOT saved: the service xendomains is off. Shut them down first.")
        return f"{running}: {names}. {after}"

    def on_next(self) -> None:
        """The row at hand."""
        self.query_one(Rows).action_pick()

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        how = event.row.value
        title = _("Reboot this host?") if how == "reboot" else _("Power this host off?")
        yes = _("Reboot") if how == "reboot" else _("Power off")
        box = Ask(title, plain(self._about_guests()), yes=yes, no=_("Stay"))

        def answered(sure: bool | None) -> None:
            if sure:
                self._leave(how)

        self.app.push_screen(box, answered)

    @work(thread=True, exclusive=True, group="power", exit_on_error=False)
    def _leave(self, how: str) -> None:
        try:
            self.session.host.leave(how)
        except Error as error:
            self.post_message(self.Refused(f"{error.message}; {error.hint}"))
