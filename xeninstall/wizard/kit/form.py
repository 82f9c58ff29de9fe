"""What a step and a sheet over it have in common: widgets write into the draft, and what is wrong is judged at once."""

from typing import ClassVar

from textual import on
from textual.events import DescendantFocus
from textual.screen import Screen

from .changed import Changed
from .rows import Rows, go_on
from .session import Session


class Form(Screen[None]):
    """A screen whose widgets have answer keys."""

    OWNS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def judge(self) -> None:
        """Show what is wrong now."""
        raise NotImplementedError

    def changed(self, event: Changed) -> None:
        """A widget without a key changed; whoever made it knows what it means."""

    def after_change(self, key: str) -> None:
        """A value was written into the draft; show or hide what depends on it."""

    def write(self, key: str, value: object) -> None:
        """Enter a value into the draft and judge it."""
        self.session.draft.set(key, value)
        self.after_change(key)
        self.judge()

    def on_mount(self) -> None:
        """Show what is known to be wrong already."""
        self.judge()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The reason at hand is that of the field at hand."""
        self.judge()

    @on(Changed)
    def _changed(self, event: Changed) -> None:
        event.stop()
        if event.key:
            self.write(event.key, event.value)
        else:
            self.changed(event)
            self.judge()

    @on(Rows.Picked)
    def _on_from_choice(self, event: Rows.Picked) -> None:
        go_on(event)
