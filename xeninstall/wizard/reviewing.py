"""Everything on one screen before the work: a line a step, each leading back to it. What stands above them, a subclass says."""

import textwrap

from textual import on
from textual.app import ComposeResult

from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Row, Rows, Session, Step, _, said

CELLS = 76
_SUMMARY_CHARACTERS = 400
_SUMMARY_LINES = 3


class Reviewing(Step):
    """The last screen before the work."""

    NAME = "review"
    LABEL_CELLS = 34

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Review")

    @classmethod
    def unsettled(cls, session: Session) -> list[Problem]:
        """The first step that is not settled, and why."""
        left = [one for one in session.answered() if one.problems]
        return [Problem(left[0].name, f"{left[0].heading}: {said(left[0].problems[0].text)}")] if left else []

    def body(self) -> ComposeResult:
        """See Step."""
        yield Rows(self.rows(), id="review")

    def rows(self) -> list[Row]:
        """All lines."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """What stands in the way is said at once."""
        self._told = True
        self.judge()

    def answered(self) -> list[Row]:
        """A row for each step that has something to say."""
        rows = []
        for one in self.session.answered():
            if one.summary or one.problems:
                text = textwrap.shorten(one.summary, _SUMMARY_CHARACTERS, placeholder=" ...")
                first, *rest = textwrap.wrap(text, CELLS - self.LABEL_CELLS) or [""]
                more = tuple(" " * (self.LABEL_CELLS - Rows.INDENT_CELLS) + line for line in rest[: _SUMMARY_LINES - 1])
                mark = "! " if one.problems else "  "
                rows.append(Row(one.name, f"{mark}{one.heading:<{self.LABEL_CELLS - 2}}{first}", more))
        return rows

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        if event.row.value:
            self.post_message(self.Jump(event.row.value))
