"""Everything on one screen before anything happens: each line leads back to its step, and what will be destroyed stands here."""

import textwrap

from xeninstall.base.errors import Error
from xeninstall.machine.model import Machine
from xeninstall.plan.check import Refused
from xeninstall.plan.model import Plan
from xeninstall.wizard.disks import holds
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import AskWord, Row, Session, _, said
from xeninstall.wizard.planning import plan, replayable
from xeninstall.wizard.reviewing import CELLS, Reviewing

_BOX_CELLS = 67
_LOSSES_SHOWN = 5


class Review(Reviewing):
    """See Reviewing."""

    AUTO_FOCUS = "#back"

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What was answered, a line a step: Enter on a line goes there, and Next comes back here. A line with ! is not "
            "settled yet.\n\nAt the top stands what will be destroyed, by serial number. Nothing has been written so far; "
            "'Install' asks once more, for a word, where something would be lost."
        )

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        if left := cls.unsettled(session):
            return left
        try:
            plan(session)
        except Refused as refused:
            return [Problem("plan", f"{finding.what}; {finding.remedy}") for finding in refused.findings]
        except Error as error:
            return [Problem("plan", f"{error.message}; {error.hint}")]
        return []

    @classmethod
    def next_word(cls) -> str:
        """See Step. It is the second button; the safe one is the first, and has the focus."""
        return _("Install")

    def rows(self) -> list[Row]:
        """See Reviewing."""
        made = None if self.problems(self.session) else plan(self.session)
        # What is lost stands where nobody can miss it; what is only worth knowing stands at the end.
        lines = _losses(made, self.session.machine) if made else []
        rows = [Row("", line, loud=bool(made and made.destroys)) for line in lines]
        rows += self.answered()
        warnings = made.warnings if made else ()
        rows += [
            Row("", line) for warning in warnings for line in textwrap.wrap(f"! {said(warning)}", CELLS, subsequent_indent="  ")
        ]
        return rows

    def on_next(self) -> None:
        """See Step."""
        made = plan(self.session)
        if not made.destroys:
            self._begin(True)
            return
        lost = "\n".join(_every_loss(made))
        box = AskWord(_("This will be destroyed"), lost, word=_("ERASE"), yes=_("Destroy it and install"), no=_("Go back"))
        self.app.push_screen(box, self._begin)

    def _begin(self, yes: bool | None) -> None:
        if not yes:
            return
        self.session.plan = plan(self.session)
        if self.session.work is not None and not self.session.rehearsal:
            try:
                text = replayable(self.session.draft.whole())
                self.session.saved = self.session.work.save_answers(self.session.plan, text)
            except Error as error:
                self.say(f"{error.message}; {error.hint}", wrong=True)
                return
        self.finish()


def _losses(made: Plan, machine: Machine) -> list[str]:
    """What will be destroyed, in as many lines as leave room for the rest; the question for the word lists all of it."""
    if not made.destroys:
        return [_("Nothing will be destroyed."), ""]
    contents = {disk.path: holds(disk) for disk in machine.disks}
    told = []
    for loss in made.destroys:
        held = contents.get(loss.disk)
        told += [
            f"{loss.disk}, {said(loss.identity)}",
            "   " + (_("holds {what}").format(what=held) if held else said(loss.lines[0])),
        ]
    lines = [piece for line in told for piece in textwrap.wrap(line, CELLS, subsequent_indent="     ")]
    if len(lines) > _LOSSES_SHOWN:
        lines = [*lines[: _LOSSES_SHOWN - 1], "   ..."]
    return [_("WILL BE DESTROYED ('Install' shows all of it):"), *lines, ""]


def _every_loss(made: Plan) -> list[str]:
    lines = []
    for loss in made.destroys:
        lines += textwrap.wrap(f"{loss.disk}, {said(loss.identity)}", _BOX_CELLS, subsequent_indent="     ")
        for content in loss.lines:
            lines += textwrap.wrap(f"   {said(content)}", _BOX_CELLS, subsequent_indent="     ")
    return lines
