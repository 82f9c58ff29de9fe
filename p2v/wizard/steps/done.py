"""The end: what the virtual machine is called, how it is started, and the way out."""

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from p2v.wizard.looking import found, log_path
from xeninstall.apply.target import STATE
from xeninstall.base.sizes import format_duration
from xeninstall.wizard.ending import Ending
from xeninstall.wizard.kit import Act, _, said


class Converted(Ending):
    """See Ending."""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Converted")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The virtual machine is complete; the line 'start it' starts it on a Xen host, once the folder is there and the "
            "paths in its definition are right for it. NAME.xml is the same for libvirt.\n\n"
            "This machine and the virtual one have the same addresses: switch this one off before the other is started in "
            "the same network. Nothing was changed here, so that this machine can be started again if need be."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        session = self.session
        if session.rehearsal:
            yield Static(_("The rehearsal is over. Nothing was written."), classes="title", markup=False)
            return
        took = format_duration(session.done.seconds) if session.done else ""
        yield Static(_("This machine is converted ({time}).").format(time=took), classes="title", markup=False)
        yield Static("")
        for name, value in found(session).facts.items():
            yield self.line(_(name), said(value))
        yield Static("")
        yield self.line(_("log"), str(log_path(STATE)))
        if session.saved:
            yield self.line(_("answer file"), str(session.saved))
        yield Static("")
        text = _("Switch this machine off before the virtual one is started in the same network.")
        yield Static(text, classes="warning", markup=False)

    def acts(self) -> Iterable[Widget]:
        """Out, by switching off where this machine was started from the medium."""
        if self.session.on_medium and not self.session.rehearsal:
            yield Act(_("Power off"), id="poweroff")
        yield Act(self.next_word(), id="finish")

    @on(Act.Pressed, "#poweroff")
    def _power_off(self) -> None:
        self.command("systemctl", "poweroff")


# The facts' names, for the catalogs.
def _names() -> tuple[str, ...]:
    return _("images"), _("copied"), _("compared"), _("trial start"), _("virtual machine"), _("start it")
