"""A step: one screen that asks for one thing. It writes into the draft at every key press, and is built anew at each visit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard.draft import Problem

from .act import Act
from .dialogs import Say
from .field import Field
from .form import Form
from .judging import reason
from .language import _
from .session import Session

SCREEN_CELLS = 80


class Body(VerticalScroll, can_focus=False):
    """Where a step's own widgets are; scrolls when they need more room than there is."""


class Step(Form):
    """The base of every step; `xeninstall.wizard.kit` says how one is written."""

    NAME: ClassVar[str] = ""
    HAS_BACK: ClassVar[bool] = True
    AUTO_FOCUS = "Body *"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f10,ctrl+n", "next", show=False, priority=True),
        Binding("escape,ctrl+p", "back", show=False, priority=True),
        Binding("f1,ctrl+g", "explain", show=False, priority=True),
    ]

    # Textual's own would send the whole screen again whenever the focus moves; the widgets redraw themselves.
    focused = reactive["Widget | None"](None, repaint=False)

    @dataclass
    class Finished(Message):
        """The step is settled; on to the next."""

        step: "Step"

    @dataclass
    class GoBack(Message):
        """To the step before."""

        step: "Step"

    @dataclass
    class Jump(Message):
        """To the step of this name."""

        name: str

    @dataclass
    class Open(Message):
        """Begin the flow of this name."""

        name: str

    @dataclass
    class Redraw(Message):
        """Build the step anew."""

        step: "Step"

    @dataclass
    class Leave(Message):
        """The person wants to leave the wizard, and nothing stands against it."""

        step: "Step"

    @dataclass
    class Refused(Message):
        """A command did not do what it should."""

        why: str

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.subject = _("Xen host")
        self.place = (0, 0)  # number of this step and how many there are; (0, 0) hides it
        self._wrong_is_said = False
        self._shown = ""
        self._told = False  # whether Next was tried: only then empty fields are complained about

    # ---- what a step defines

    @classmethod
    def heading(cls) -> str:
        """Its title, at most 40 cells."""
        raise NotImplementedError

    @classmethod
    def explanation(cls) -> str:
        """What F1 says: what is asked, why, and what to choose when in doubt."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Its widgets, filled from the draft."""
        raise NotImplementedError

    @classmethod
    def summary(cls, session: Session) -> str:
        """What was chosen, on one line of the review; empty for a step that is not listed there."""
        return ""

    @classmethod
    def applies(cls, session: Session) -> bool:
        """Whether this run asks for it at all."""
        return True

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """What keeps this step from being settled. A step may add what only the machine can tell."""
        return session.draft.problems(*cls.OWNS) if cls.OWNS else []

    @classmethod
    def next_word(cls) -> str:
        """What going on from here is called; empty where the step goes on by itself."""
        return _("Next")

    def keys(self) -> list[tuple[str, str]]:
        """Further keys for the footer: `("^T", _("Test"))`."""
        return []

    def leave(self) -> None:
        """^C: ask whether to leave. A step with work under way asks its own question."""
        self.post_message(self.Leave(self))

    def go_to(self, problems: list[Problem]) -> None:
        """To where the first of them can be mended."""
        for field in self.query(Field):
            if field.display and field.key and any(one.within(field.key) for one in problems):
                field.line.focus()
                return

    def on_next(self) -> None:
        """Nothing is wrong and the person wants to go on. A step with work to do first calls `finish` after it."""
        self.finish()

    # ---- what a step may call

    def finish(self) -> None:
        """On to the next step."""
        self.post_message(self.Finished(self))

    def judge(self) -> None:
        """Show what is wrong now: `!` at the fields, and the reason of the one at hand below."""
        why = reason(self.query(Field), self.problems(self.session), told=self._told)
        # News stays until there is something to refuse.
        if why or self._wrong_is_said:
            self.say(why, wrong=True)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Two lines below the body: a refusal's reason, or news of work that runs."""
        self._wrong_is_said = wrong and bool(text)
        shown = f"{'! ' if wrong and text else ''}{text}"
        if shown == self._shown:
            return  # what stands there is not sent down a serial line again
        self._shown = shown
        for notice in self.query("#notice").results(Static):
            notice.update(Text(shown), layout=False)
            notice.set_class(wrong, "wrong")

    @work(thread=True, exclusive=True, group="command", exit_on_error=False)
    def command(self, *argv: str) -> None:
        """Have this machine do something, such as start again; what stands against it is said."""
        try:
            done = self.session.runner.run(argv, check=False)
        except Error as error:
            self.post_message(self.Refused(f"{error.message}; {error.hint}"))
            return
        if done.status != 0:
            self.post_message(self.Refused((done.stderr.strip().splitlines() or [f"{argv[0]}: {done.status}"])[-1]))

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self.say(message.why, wrong=True)

    # ---- the frame

    def compose(self) -> ComposeResult:
        """Head, body, notice, buttons, keys."""
        yield Static(self._head(), id="head", markup=False)
        with Body():
            yield from self.body()
        yield Static("", id="notice", markup=False)
        with Horizontal(id="acts"):
            yield from self.acts()
        yield Static(self._foot(), id="foot", markup=False)

    def acts(self) -> Iterable[Widget]:
        """The buttons."""
        if self.HAS_BACK:
            yield Act(_("Back"), id="back")
        yield Act(self.next_word(), id="next")

    def _head(self) -> str:
        number, total = self.place
        right = f"{number}/{total}" if total else ""
        if self.session.rehearsal:
            right = f"{_('REHEARSAL: nothing is written')}  {right}".rstrip()
        left = f"{self.subject} - {self.heading()}"
        return f" {left}{' ' * max(SCREEN_CELLS - cell_len(left) - cell_len(right) - 2, 1)}{right} "

    def show_keys(self) -> None:
        """The keys at the foot, when `keys` has others now."""
        self.query_one("#foot", Static).update(self._foot(), layout=False)

    def _foot(self) -> str:
        keys = [("F10 ^N", self.next_word())] if self.next_word() else []
        if self.HAS_BACK:
            keys.append(("Esc ^P", _("Back")))
        keys += [("F1 ^G", _("Help")), *self.keys(), ("^C", _("Leave"))]
        return " " + "  ".join(f"{key} {text}" for key, text in keys)

    # ---- keys

    @on(Act.Pressed, "#next")
    def action_next(self) -> None:
        """On, when nothing is wrong; else say what is, at the first field that it is about."""
        self._told = True
        self.judge()
        problems = self.problems(self.session)
        if problems:
            self.go_to(problems)
        else:
            self.on_next()

    @on(Act.Pressed, "#back")
    def action_back(self) -> None:
        """To the step before; what was entered stays."""
        if self.HAS_BACK:
            self.post_message(self.GoBack(self))

    def action_explain(self) -> None:
        """This step's help."""
        self.app.push_screen(Say(self.heading(), self.explanation()))
