"""Root's password, before anything is changed from a console at which nobody has logged in."""

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard.kit import Act, Field, _

from .session import SetupSession


class AskPassword(ModalScreen[bool]):
    """True when the password was right; a wrong one takes its time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "close", show=False, priority=True),
        Binding("f10,ctrl+n", "go_on", show=False, priority=True),
        Binding("enter", "enter", show=False, priority=True),
    ]

    @dataclass
    class Judged(Message):
        """What came of it; `why` when it could not be judged."""

        good: bool
        why: str = ""

    def __init__(self, session: SetupSession) -> None:
        super().__init__()
        self._session, self._busy = session, False

    def compose(self) -> ComposeResult:
        """The question, its line, and what was wrong."""
        with Vertical(classes="box"):
            yield Static(_("Root's password"), classes="box-title", markup=False)
            yield Static(_("Looking is free; for everything else, log in as root."), classes="text", markup=False)
            yield Static("", markup=False)
            yield Field(_("Password"), password=True, id="secret")
            yield Static("", id="word-wrong", markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(_("Cancel"), id="no")
                yield Act(_("Go on"), id="yes")

    def on_mount(self) -> None:
        """Where it is typed; or why nothing can be."""
        self.query_one("#secret", Field).line.focus()
        if self._session.draft.get("root.password_hash") in (None, "!"):
            self._say(_("root has no password: use `xeninstall setup` over SSH."))

    def action_enter(self) -> None:
        """Elsewhere Enter leaves a line for the next field; here there is none, and people expect to go on."""
        if isinstance(self.focused, Act):
            self.focused.action_press()
        else:
            self.action_go_on()

    @on(Act.Pressed, "#yes")
    def action_go_on(self) -> None:
        """Have it judged."""
        line = self.query_one("#secret", Field).line
        typed = line.value
        if typed and not self._busy:
            self._busy = True
            self._say(_("One moment ..."))
            self._judge(typed)
        line.value = ""

    @work(thread=True, exclusive=True, group="unlock", exit_on_error=False)
    def _judge(self, typed: str) -> None:
        try:
            self.post_message(self.Judged(self._session.host.password_is(typed)))
        except Error as error:
            self.post_message(self.Judged(False, error.message))

    @on(Judged)
    def _judged(self, message: Judged) -> None:
        self._busy = False
        if message.good:
            self._session.unlocked_at = time.monotonic()
            self.dismiss(True)
        else:
            self._say(message.why or _("That is not root's password."))
            self.query_one("#secret", Field).line.focus()

    @on(Act.Pressed, "#no")
    def action_close(self) -> None:
        """Back, nothing done."""
        self.dismiss(False)

    def _say(self, text: str) -> None:
        self.query_one("#word-wrong", Static).update(text)
