"""A form over a step, for what few people change: it writes into the draft like a step and closes back onto it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Static

from .act import Act
from .changed import Changed
from .field import Field
from .judging import reason
from .language import _
from .rows import Rows, go_on
from .session import Session


class Sheet(ModalScreen[None]):
    """Subclasses give `OWNS`, `heading()` and `body()`. What is wrong is said here, and keeps the step's Next from working."""

    OWNS: ClassVar[tuple[str, ...]] = ()
    AUTO_FOCUS = ".sheet-body *"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f10,ctrl+n,ctrl+p", "close", show=False, priority=True)]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def heading(self) -> str:
        """Its title."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Its widgets, filled from the draft."""
        raise NotImplementedError

    def changed(self, event: Changed) -> None:
        """A widget without a key changed."""

    def after_change(self, key: str) -> None:
        """A value was written into the draft."""

    def compose(self) -> ComposeResult:
        """Frame, form, notice, the way out."""
        with Vertical(classes="box"):
            yield Static(self.heading(), classes="box-title", markup=False)
            with Vertical(classes="sheet-body"):
                yield from self.body()
            yield Static("", id="sheet-notice", markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(_("Done"), id="done")

    def on_mount(self) -> None:
        """Show what is known to be wrong already."""
        self.judge()

    def judge(self) -> None:
        """Say what is wrong."""
        text = reason(self.query(Field), self.session.draft.problems(*self.OWNS), told=True)
        self.query_one("#sheet-notice", Static).update(f"! {text}" if text else "", layout=False)

    @on(Changed)
    def _changed(self, event: Changed) -> None:
        event.stop()
        if event.key:
            self.session.draft.set(event.key, event.value)
            self.after_change(event.key)
        else:
            self.changed(event)
        self.judge()

    @on(Rows.Picked)
    def _on_from_choice(self, event: Rows.Picked) -> None:
        go_on(event)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The reason at hand is that of the field at hand."""
        self.judge()

    @on(Act.Pressed, "#done")
    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)
