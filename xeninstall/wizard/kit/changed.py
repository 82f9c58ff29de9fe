"""The one message with which every widget says that the person changed something."""

from dataclasses import dataclass

from textual.message import Message
from textual.widget import Widget


@dataclass
class Changed(Message):
    """`value` is now what `widget` holds; with a `key` the step writes it into the draft."""

    widget: Widget
    key: str
    value: object

    @property
    def control(self) -> Widget:
        """For `@on(Changed, "#id")`."""
        return self.widget
