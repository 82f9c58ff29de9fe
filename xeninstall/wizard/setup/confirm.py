"""A change that may have cut the host off: whoever sees this screen can keep it; otherwise it goes by itself."""

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard.kit import Act, Session, Step, _, counted, said

from .session import SetupSession


class Confirm(Step):
    """The countdown."""

    NAME = "confirm"
    HAS_BACK = False
    AUTO_FOCUS = "#undo"
    session: SetupSession

    @dataclass
    class Settled(Message):
        """It was kept or undone, or could not be."""

        kept: bool
        error: Error | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._settling = self._over = False

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Keep the change?")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The new network is in force. Keep it when you can reach the host over it: best, try a new connection first, and "
            "confirm from there with `xeninstall setup` or `xeninstall setup --confirm`.\n\n"
            "When the time is over, the old files are put back and the services hear of it. A start of the machine before that "
            "does the same."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Keep")

    def body(self) -> ComposeResult:
        """See Step."""
        text = _("The new settings are in force. Can you reach the host with them?")
        yield Static(text, classes="text", markup=False)
        yield Static(self._left(), id="left", classes="warning gap", markup=False)

    def acts(self) -> list[Widget]:
        """The safe one first."""
        return [Act(_("Put the old settings back"), id="undo"), Act(self.next_word(), id="next")]

    def on_mount(self) -> None:
        """Count."""
        super().on_mount()
        self.set_interval(1.0, self._count)

    def _left(self) -> str:
        pending = self.session.host.pending()
        if pending is None:
            return _("The old settings are back.")
        if pending.seconds == 0:
            return _("The old settings are coming back ...")
        return counted(
            "Without confirmation the old settings come back in {n} second.",
            "Without confirmation the old settings come back in {n} seconds.",
            pending.seconds,
        )

    def _count(self) -> None:
        if self._over:
            return
        self.query_one("#left", Static).update(self._left())
        if self.session.host.pending() is None and not self._settling:
            self._done(_("The old settings are back: nobody confirmed the change."))

    def on_next(self) -> None:
        """It stays."""
        self._settle(keep=True)

    def _settle(self, *, keep: bool) -> None:
        self._settling = True
        self._work(keep=keep)

    @on(Act.Pressed, "#undo")
    def _undo(self) -> None:
        self.say(_("Putting the old settings back ..."))
        self._settle(keep=False)

    @work(thread=True, exclusive=True, group="settle", exit_on_error=False)
    def _work(self, *, keep: bool) -> None:
        try:
            if keep:
                self.session.host.confirm()
            else:
                self.session.host.back()
            self.post_message(self.Settled(keep))
        except Error as error:
            self.post_message(self.Settled(keep, error))

    @on(Settled)
    def _settled(self, message: Settled) -> None:
        self._settling = False
        if message.error is not None:
            self.say(said(f"{message.error.message}; {message.error.hint}"), wrong=True)
        elif message.kept:
            self._done(_("Applied, and kept as the host's answer file."))
        else:
            self._done(_("The old settings are back."))

    def _done(self, news: str) -> None:
        self._over = True  # the clock may strike once more before the screen is gone
        self.session.reload()
        self.session.news = news
        self.finish()
