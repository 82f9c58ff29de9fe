"""The last screen of a flow: what came of it, line by line, and the way out. What it tells, a subclass says."""

import textwrap

from textual import on
from textual.widgets import Static

from xeninstall.base.errors import ExitCode
from xeninstall.wizard.kit import Act, Step, _

_LABEL_CELLS, _TEXT_CELLS = 22, 56


class Ending(Step):
    """After the work; or after a rehearsal, which did none. Its button #finish leads out."""

    NAME = "done"
    HAS_BACK = False
    AUTO_FOCUS = "#finish"

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Finish")

    def on_next(self) -> None:
        """Out."""
        self.app.exit(ExitCode.DONE)

    def leave(self) -> None:
        """Nothing is left to lose."""
        self.app.exit(ExitCode.DONE)

    @on(Act.Pressed, "#finish")
    def _finish(self) -> None:
        self.app.exit(ExitCode.DONE)

    def line(self, label: str, text: str) -> Static:
        """A name and a value; a path or a command that needs more than a line stays in its column."""
        lines = textwrap.wrap(text, _TEXT_CELLS, break_on_hyphens=False) or [""]
        return Static(f"{label:<{_LABEL_CELLS}}" + f"\n{' ' * _LABEL_CELLS}".join(lines), classes="text", markup=False)
