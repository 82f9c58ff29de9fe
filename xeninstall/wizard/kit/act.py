"""A button that every terminal can show: `[ Next ]`, reversed while it has the focus."""

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget


class Act(Widget, can_focus=True):
    """Enter or Space does it; left and right go to its neighbours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    @dataclass
    class Pressed(Message):
        """It was pressed."""

        act: "Act"

        @property
        def control(self) -> "Act":
            """For `@on(Act.Pressed, "#id")`."""
            return self.act

    def __init__(self, text: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.text = text

    def render(self) -> Text:
        """Its text in brackets."""
        return Text(f"[ {self.text} ]", no_wrap=True, end="")

    def action_press(self) -> None:
        """Say so."""
        self.post_message(self.Pressed(self))

    def rename(self, text: str) -> None:
        """Another text on it."""
        self.text = text
        self.refresh(layout=True)
