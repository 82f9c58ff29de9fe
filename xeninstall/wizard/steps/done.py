"""The end: how to reach the host and log in, where the records are, and the way out."""

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from xeninstall.base.sizes import format_duration
from xeninstall.wizard.ending import Ending
from xeninstall.wizard.kit import Act, _, said


class Done(Ending):
    """See Ending."""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Done")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The host starts with Xen at its next boot. Remove the boot medium, or choose the disk in the firmware's "
            "boot menu.\n\n"
            "The answer file installs another host like this one: xeninstall install FILE. It holds no passwords; the root "
            "password is read from standard input."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        session, plan = self.session, self.session.plan
        if session.rehearsal:
            yield Static(_("The rehearsal is over. Nothing was written."), classes="title", markup=False)
        else:
            took = format_duration(session.done.seconds) if session.done else ""
            yield Static(_("The host is installed ({time}).").format(time=took), classes="title", markup=False)
        yield Static("")
        for name, value in (plan.facts if plan else {}).items():
            yield self.line(_(name), said(value))
        for name, value in session.notes.items():
            yield self.line(name, value)
        yield Static("")
        if plan and session.work and not session.rehearsal:
            yield self.line(_("log"), str(session.work.log_of(plan)))
        if session.saved:
            yield self.line(_("answer file"), str(session.saved))
        if session.onto_image and not session.rehearsal:
            yield self.line(_("boot it"), f"qemu-system-x86_64 -m 4096 -drive file={session.target.path},format=raw,if=virtio")

    def acts(self) -> Iterable[Widget]:
        """Out, by a reboot where this machine is the host."""
        reboots = self.session.on_medium and not self.session.rehearsal and not self.session.onto_image
        if reboots:
            yield Act(_("Reboot into the host"), id="reboot")
        yield Act(self.next_word(), id="finish")

    @on(Act.Pressed, "#reboot")
    def _reboot(self) -> None:
        self.command("systemctl", "reboot")
