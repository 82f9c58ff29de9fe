"""The first menu: what can be done with this machine."""

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.wizard.kit import Ask, Row, Rows, Step, _, pick_by_digit

SHELL, REBOOT, GO_ON = ":shell", ":reboot", ":go-on"


class Menu(Step):
    """Flows, a shell, and the way out."""

    NAME = "menu"

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("What to do")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Choose with the arrow keys and Enter, or press the digit in front.\n\n"
            "Nothing is written to any disk before the last screen of questions has asked for it, with a word to type. "
            "Everything can be looked through and left again."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static(_("Please choose what to do with this machine."), classes="text", markup=False)
        yield Static("")
        yield Rows(self._rows(), id="menu")

    def _rows(self) -> list[Row]:
        offers = [(offer.name, offer.title, offer.about) for offer in self.session.offers()]
        why_not = "" if self.session.on_medium else _("only where the machine was started from the boot medium")
        if self.session.rehearsal:
            why_not = _("not in a rehearsal")
        rows = [Row(name, title, (about,) if about else ()) for name, title, about in offers]
        if self.session.unfinished:
            rows.insert(0, Row(GO_ON, _("Go on with an interrupted installation"), (self.session.unfinished,)))
        rows.append(Row(SHELL, _("Shell"), (_("a command line beside this wizard"),), why_not))
        rows.append(Row(REBOOT, _("Reboot"), (_("start this machine again"),), why_not))
        return [Row(row.value, f"{number}  {row.text}", row.more, row.why_not) for number, row in enumerate(rows, 1)]

    def on_next(self) -> None:
        """Next means the row at hand."""
        self.query_one(Rows).action_pick()

    def on_key(self, event: object) -> None:
        """The digit in front of a row picks it."""
        pick_by_digit(self.query_one(Rows), event)

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        match event.row.value:
            case ":shell":
                self.command("tmux", "new-window", "-n", "shell")
            case ":go-on":
                self.session.go_on()
                self.post_message(self.Open("install"))
            case ":reboot":
                box = Ask(_("Reboot this machine?"), _("Nothing has been written to any disk."), yes=_("Reboot"), no=_("Stay"))
                self.app.push_screen(box, self._reboot)
            case name:
                self.post_message(self.Open(name))

    def _reboot(self, yes: bool | None) -> None:
        if yes:
            self.command("systemctl", "reboot")
