"""The last screen of each setting: what changes, from what to what, and its files; then it is done."""

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.host.changes import Changes
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.kit import Act, Ask, Say, Session, Step, _, counted, plain, said
from xeninstall.wizard.steps.address import Address
from xeninstall.wizard.steps.dns import Dns
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.keyboard import Keyboard
from xeninstall.wizard.steps.network import Network
from xeninstall.wizard.steps.packages import Packages
from xeninstall.wizard.steps.root import Root
from xeninstall.wizard.steps.time import Time
from xeninstall.wizard.steps.zone import TimeZone

from .session import SetupSession

_SETTINGS: tuple[type[Step], ...] = (Keyboard, Root, Network, Address, Host, Dns, TimeZone, Time, Packages)
CONFIRM = "confirm"


class Apply(Step):
    """Shows the changes, and does them."""

    NAME = "apply"
    AUTO_FOCUS = "#back"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f6,ctrl+o", "files", show=False, priority=True)]
    session: SetupSession

    @dataclass
    class Doing(Message):
        """A step of the work."""

        text: str

    @dataclass
    class Ended(Message):
        """It is done, and perhaps waits to be confirmed; or it failed and was undone."""

        waits: bool
        error: Error | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._busy = False
        self._changes = self.session.host.changes(session.draft)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Apply")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What is different from how the host is now. F6 or ^O shows each file with the lines that change.\n\n"
            "A change of the network, or of the firewall, may cut the host off. It has to be confirmed on the next screen, here "
            "or with `xeninstall setup` from a new connection; otherwise the old settings come back by themselves, also when "
            "this program is gone.\n\n"
            "When a step fails, the old files come back at once. What was applied is kept as the host's answer file."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Apply")

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F6 ^O", _("Files"))]

    def body(self) -> ComposeResult:
        """See Step."""
        if self._changes.empty:
            yield Static(_("Nothing is different from how the host is now."), classes="text", markup=False)
            return
        yield Static(_("This changes:"), classes="text", markup=False)
        yield Static("", markup=False)
        for heading, before, after in differences(self.session):
            yield Static(heading, classes="title", markup=False)
            yield Static(plain(f"  {_('now:')}  {before}\n  {_('then:')} {after}"), classes="text", markup=False)
        if self._changes.files:
            files = counted("{n} file changes", "{n} files change", len(self._changes.files))
            yield Static(files, classes="text gap", markup=False)
        if self._changes.cuts:
            text = _("This may cut the host off: it comes back by itself unless it is confirmed.")
            yield Static(text, classes="warning", markup=False)
        yield Static("", id="failed", classes="danger gap", markup=False)

    def action_files(self) -> None:
        """Each with its lines."""
        diffs = "\n".join(change.diff() for change in self._changes.files)
        self.app.push_screen(Say(_("Files"), diffs or _("No file changes.")))

    def action_back(self) -> None:
        """Not while it is being done."""
        if not self._busy:
            super().action_back()

    def leave(self) -> None:
        """See `action_back`."""
        if not self._busy:
            super().leave()

    def on_next(self) -> None:
        """Ask once more where the host may be cut off."""
        if self._busy:
            return
        if self._changes.empty:
            self.finish()
        elif self._changes.cuts:
            text = _(
                "The connection that you work over may end. Then connect to the new address and start `xeninstall setup` to "
                "confirm; without that the old settings come back by themselves."
            )
            box = Ask(_("Change the network now?"), text, yes=_("Change it"), no=_("Not yet"))
            self.app.push_screen(box, lambda yes: self._begin() if yes else None)
        else:
            self._begin()

    def _begin(self) -> None:
        self._busy = True
        for act in self.query(Act):
            act.display = False
        self.say(_("Applying ..."))
        self.query_one("#failed", Static).update("")
        self._do(self._changes, self.session.draft)

    @work(thread=True, exclusive=True, group="apply", exit_on_error=False)
    def _do(self, changes: Changes, draft: Draft) -> None:
        def say(text: str) -> None:
            self.post_message(self.Doing(text))

        try:
            self.post_message(self.Ended(self.session.host.apply(changes, draft, say)))
        except Error as error:
            self.post_message(self.Ended(False, error))

    @on(Doing)
    def _doing(self, message: Doing) -> None:
        self.say(f"{_('Applying ...')} {message.text[:60]}")

    @on(Ended)
    def _ended(self, message: Ended) -> None:
        self._busy = False
        if message.error is not None:
            for act in self.query(Act):
                act.display = True
            self.say("")
            self.query_one("#failed", Static).update(said(f"{message.error.message}; {message.error.hint}"))
        elif message.waits:
            self.post_message(self.Open(CONFIRM))
        else:
            self.session.reload()
            self.session.news = _("Applied, and kept as the host's answer file.")
            self.finish()


def differences(session: SetupSession) -> list[tuple[str, str, str]]:
    """Heading of a step, its summary as the host is, and as it is wanted."""
    now = replace(session, draft=Draft(session.current.data))
    out = []
    for step in _SETTINGS:
        before, after = step.summary(now), step.summary(session)
        if step is Root and _password(now) != _password(session):
            after = f"{after} ({_('a new password')})"
        if before != after:
            out.append((step.heading(), before, after))
    return out


def _password(session: Session) -> object:
    return session.draft.get("root.password_hash")
