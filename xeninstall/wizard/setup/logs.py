"""The host's logs to read, and everything that helps in one file."""

from dataclasses import dataclass
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard.kit import Row, Rows, Say, Step, _, said

from .session import SetupSession

_GATHER = "gather"


class Logs(Step):
    """A row a log."""

    NAME = "logs"
    session: SetupSession

    @dataclass
    class Read(Message):
        """The end of a log, or what stood against reading it."""

        title: str
        text: str
        error: Error | None = None

    @dataclass
    class Gathered(Message):
        """The file is there, or could not be written."""

        path: Path | None
        error: Error | None = None

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Logs")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The end of each log since the host was started. The arrow keys scroll, Enter closes.\n\n"
            "'Into one file' gathers logs, kernel messages and what the disks and networks look like, to be copied with scp "
            "and sent to whoever helps. For a report without any log: `xeninstall probe --report`."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Show")

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static(_("Which log?"), classes="text", markup=False)
        yield Static("", markup=False)
        rows = [Row(name, title) for name, title in _titles().items()]
        yield Rows([*rows, Row(_GATHER, _("Everything that helps, into one file"))], id="logs")

    def on_next(self) -> None:
        """The row at hand."""
        self.query_one(Rows).action_pick()

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        self.say(_("One moment ..."))
        if event.row.value == _GATHER:
            self._gather()
        else:
            self._read(event.row.value)

    @work(thread=True, exclusive=True, group="logs", exit_on_error=False)
    def _read(self, name: str) -> None:
        try:
            self.post_message(self.Read(name, self.session.host.log(name)))
        except Error as error:
            self.post_message(self.Read(name, "", error))

    @work(thread=True, exclusive=True, group="logs", exit_on_error=False)
    def _gather(self) -> None:
        try:
            self.post_message(self.Gathered(self.session.host.gather()))
        except Error as error:
            self.post_message(self.Gathered(None, error))

    @on(Read)
    def _show_log(self, message: Read) -> None:
        if message.error is not None:
            self.say(said(f"{message.error.message}; {message.error.hint}"), wrong=True)
            return
        self.say("")
        self.app.push_screen(Say(_titles()[message.title], message.text.strip() or _("Nothing was logged.")))

    @on(Gathered)
    def _gathered(self, message: Gathered) -> None:
        if message.error is not None:
            self.say(said(f"{message.error.message}; {message.error.hint}"), wrong=True)
        else:
            self.say(str(message.path))


def _titles() -> dict[str, str]:
    return {"errors": _("Errors of this start"), "journal": _("All messages of this start"), "xen": _("Xen's own messages")}
