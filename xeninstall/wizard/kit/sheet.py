"""A form over a step, for what few people change: it writes into the draft like a step and closes back onto it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from .act import Act
from .field import Field
from .form import Form
from .judging import reason
from .language import _


class Sheet(Form, ModalScreen[None]):
    """Subclasses give `OWNS`, `heading()` and `body()`. What is wrong is said here, and keeps the step's Next from working."""

    AUTO_FOCUS = ".sheet-body *"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f10,ctrl+n,ctrl+p", "close", show=False, priority=True)]

    def heading(self) -> str:
        """Its title."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Its widgets, filled from the draft."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Frame, form, notice, the way out."""
        with Vertical(classes="box"):
            yield Static(self.heading(), classes="box-title", markup=False)
            with Vertical(classes="sheet-body"):
                yield from self.body()
            yield Static("", id="sheet-notice", markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(_("Done"), id="done")

    def judge(self) -> None:
        """Say what is wrong."""
        text = reason(self.query(Field), self.session.draft.problems(*self.OWNS), told=True)
        self.query_one("#sheet-notice", Static).update(f"! {text}" if text else "", layout=False)

    @on(Act.Pressed, "#done")
    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)
