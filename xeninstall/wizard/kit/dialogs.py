"""Boxes over a step: a text to read, a question whose safe answer has the focus, and a word to type before harm is done."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from .act import Act
from .changed import Changed
from .field import Field
from .language import _
from .plain import plain


class Say(ModalScreen[None]):
    """A text; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,space,f1,ctrl+g,f10,ctrl+n,ctrl+p,q", "close", show=False, priority=True),
        Binding("down", "scroll(1)", show=False, priority=True),
        Binding("up", "scroll(-1)", show=False, priority=True),
        Binding("pagedown", "scroll(10)", show=False, priority=True),
        Binding("pageup", "scroll(-10)", show=False, priority=True),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, plain(text)

    def compose(self) -> ComposeResult:
        """A frame with the text in it."""
        with Vertical(classes="box"):
            yield Static(self._title, classes="box-title", markup=False)
            with VerticalScroll(classes="box-text", can_focus=False):
                yield Static(self._text, markup=False)
            yield Static(_("Enter or Esc closes this; the arrow keys scroll."), classes="box-keys", markup=False)

    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


class Ask(ModalScreen[bool]):
    """A question. Its safe answer, no, has the focus; Esc is no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+p", "answer(False)", show=False, priority=True)]

    def __init__(self, title: str, text: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._title, self._text, self._yes, self._no = title, text, yes, no

    def compose(self) -> ComposeResult:
        """The question, and both answers."""
        with Vertical(classes="box"):
            yield Static(self._title, classes="box-title", markup=False)
            with VerticalScroll(classes="box-text", can_focus=False):
                yield Static(self._text, markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(self._no, id="no")
                yield Act(self._yes, id="yes")

    def on_mount(self) -> None:
        """The safe answer first."""
        self.query_one("#no").focus()

    @on(Act.Pressed)
    def _pressed(self, event: Act.Pressed) -> None:
        self.dismiss(event.act.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer without a button."""
        self.dismiss(answer)


class AskWord(ModalScreen[bool]):
    """Before harm is done: the word must be typed. Everything else is no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+p", "no", show=False, priority=True)]

    def __init__(self, title: str, text: str, *, word: str, yes: str, no: str) -> None:
        super().__init__()
        text = plain(text)
        self._title, self._text, self._word, self._yes, self._no = title, text, word, yes, no

    def compose(self) -> ComposeResult:
        """What is going to happen, the line for the word, and the way back."""
        with Vertical(classes="box"):
            yield Static(self._title, classes="box-title", markup=False)
            with VerticalScroll(classes="box-text"):
                yield Static(self._text, markup=False)
            yield Field(_("Type {word} to go on").format(word=self._word), id="word")
            yield Static("", id="word-wrong", markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(self._no, id="no")
                yield Act(self._yes, id="yes")

    def on_mount(self) -> None:
        """The way back first."""
        self.query_one("#no").focus()

    @property
    def _is_typed(self) -> bool:
        return self.query_one("#word", Field).line.value.strip() == self._word

    @on(Changed)
    def _typed(self, event: Changed) -> None:
        event.stop()
        self.query_one("#word-wrong", Static).update("")

    @on(Act.Pressed, "#no")
    def action_no(self) -> None:
        """Back, nothing done."""
        self.dismiss(False)

    @on(Act.Pressed, "#yes")
    def _pressed(self) -> None:
        if self._is_typed:
            self.dismiss(True)
        else:
            said = _("The word is not there yet: type {word}, in capital letters.").format(word=self._word)
            self.query_one("#word-wrong", Static).update(said)
            self.query_one("#word", Field).line.focus()
