"""A line to type on, with its label before it; what is wrong with it shows as `!` here and in words below the screen."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from .changed import Changed

Parse = Callable[[str], object]
LABEL_CELLS = 24


def text_or_none(text: str) -> object:
    """What was typed; nothing typed leaves the key out."""
    return text.strip() or None


def whole_number(text: str) -> object:
    """A number where it is one; else what was typed, so that the rules can refuse it in words."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None


def words(text: str) -> object:
    """A list from words separated by spaces or commas; none leaves the key out."""
    return text.replace(",", " ").split() or None


class Line(Input):
    """An Input for consoles: its cursor does not blink, and a hidden text shows as asterisks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "leave(-1)", show=False),
        Binding("down,enter", "leave(1)", show=False),
    ]

    def __init__(self, value: str = "", *, password: bool = False, fresh: bool = False, id: str | None = None) -> None:
        # No placeholder: where there is no dim text, it reads like something that was entered.
        super().__init__(value, password=password, id=id, compact=True, select_on_focus=fresh)
        self.cursor_blink = False

    @property
    def _value(self) -> Text:
        # Textual's own bullet is in few console fonts.
        return Text("*" * len(self.value), no_wrap=True, end="") if self.password else super()._value

    def action_leave(self, direction: int) -> None:
        """To the field above or below."""
        if direction < 0:
            self.screen.focus_previous()
        else:
            self.screen.focus_next()


class Field(Horizontal):
    """Label, line, and a short unit or hint behind it. Says `Changed` with its key at every key press."""

    def __init__(
        self,
        label: str,
        *,
        key: str = "",
        value: object = None,
        parse: Parse = text_or_none,
        hint: str = "",
        password: bool = False,
        fresh: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.label, self.key, self.parse, self.hint = label, key, parse, hint
        self._shown = " ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value or "")
        # A default that nobody has entered is there to be typed over; what was entered is there to be corrected.
        self.line = Line(self._shown, password=password, fresh=fresh)
        self.touched = False

    def compose(self) -> ComposeResult:
        """Label, line, hint."""
        yield Static(self.label, classes="label", markup=False)
        yield self.line
        if self.hint:
            yield Static(self.hint, classes="hint", markup=False)

    @property
    def value(self) -> object:
        """What is typed, parsed."""
        return self.parse(self.line.value)

    def fill(self, value: str) -> None:
        """Put a text there as if it had been typed."""
        self.line.value = value

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.touched = True
        if event.value != self._shown:
            self.line.select_on_focus = False
        self.post_message(Changed(self, self.key, self.value))

    def show_wrong(self, wrong: bool) -> None:
        """Mark the label; colour alone would tell nothing on a serial line."""
        if wrong != self.has_class("wrong"):
            self.set_class(wrong, "wrong")
            self.query_one(".label", Static).update(f"{'! ' if wrong else ''}{self.label}", layout=False)
