"""The application: shows one step at a time and follows the flow. It asks nothing itself, but for whether to leave."""

import logging
import traceback
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from xeninstall.base.errors import ExitCode

from .flow import Flow
from .kit import Ask, Session, Step, _
from .kit.glyphs import use_console_glyphs
from .kit.session import Answered, Offer

log = logging.getLogger("xeninstall.wizard")


class Wizard(App[int]):
    """Its result is the exit code."""

    CSS_PATH = "wizard.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True)]

    def __init__(self, session: Session, start: Flow, flows: list[Flow], begin: Flow | None = None) -> None:
        use_console_glyphs()
        super().__init__()
        self.session, self._start, self._flows, self._begin = session, start, flows, begin
        self.flow = start
        self.mistake = ""  # the end of a traceback, when the wizard itself failed
        session.offers = lambda: [Offer(flow.name, flow.title(), flow.about()) for flow in flows]
        session.answered = self._answered
        # Where the way back ends, when a flow was begun without the menu.
        self._menu = start.steps[-1]

    def _answered(self) -> list[Answered]:
        steps = self.flow.applying(self.session)
        if self.flow.review not in steps:
            return []
        before = [*(one for one in self._start.steps if one.OWNS), *steps[: steps.index(self.flow.review)]]
        return [Answered(one.NAME, one.heading(), one.summary(self.session), one.problems(self.session)) for one in before]

    def on_mount(self) -> None:
        """Straight to what given answers leave open; else from the beginning."""
        self.theme = "ansi-dark"
        self.animation_level = "none"
        if self._begin is not None:
            self.flow = self._begin
        elif self.session.reviewed and self._flows:
            self.flow = self._flows[0]
        self.show(self.flow.first(self.session), first=True)

    def show(self, wanted: type[Step], *, first: bool = False) -> None:
        """Build the step anew from the draft and show it instead of the one before."""
        step = wanted(self.session)
        steps = self.flow.applying(self.session)
        if self.flow is not self._start and wanted in steps:
            step.place = (steps.index(wanted) + 1, len(steps))
        if wanted is self.flow.review:
            self.session.reviewed = True
        if first:
            self.push_screen(step)
        else:
            self.switch_screen(step)

    def on_step_finished(self, message: Step.Finished) -> None:
        """On to the next."""
        step = type(message.step)
        # Whoever came from the review to a step of the start goes back there.
        wanted = self.flow.after(step, self.session) if step in self.flow.steps else self.flow.first(self.session)
        if wanted is None and self.flow is not self._start:
            self.flow, wanted = self._start, self._menu  # what the flow was for is done
        if wanted is not None:
            self.show(wanted)

    def on_step_go_back(self, message: Step.GoBack) -> None:
        """To the step before; from a flow's first step to the menu."""
        step = type(message.step)
        wanted = self.flow.before(step, self.session) if step in self.flow.steps else self.flow.first(self.session)
        if wanted is None and self.flow is not self._start:
            self.flow, wanted = self._start, self._menu
        if wanted is not None:
            self.show(wanted)

    def on_step_jump(self, message: Step.Jump) -> None:
        """To the step of that name, of the flow at hand."""
        self.show(next(step for step in (*self.flow.steps, *self._start.steps) if message.name == step.NAME))

    def on_step_open(self, message: Step.Open) -> None:
        """Begin the flow that was chosen."""
        self.flow = next(flow for flow in self._flows if flow.name == message.name)
        self.show(self.flow.first(self.session))

    def on_step_redraw(self, message: Step.Redraw) -> None:
        """The same step again, in another language or after the machine was looked at again."""
        self.show(type(message.step))

    def _fatal_error(self) -> None:
        # Textual would print every local variable of the stack, and with them what was typed.
        self.mistake = "".join(traceback.format_exc(limit=-4))
        log.error("the wizard stopped: %s", self.mistake)
        self._close_messages_no_wait()

    def action_leave(self) -> None:
        """Ask, wherever one is; a box is closed first."""
        top = self.screen
        if isinstance(top, ModalScreen):
            top.dismiss(None)
        elif isinstance(top, Step):
            top.leave()

    def on_step_leave(self, message: Step.Leave) -> None:
        """Nothing was begun, so nothing can be lost; but nobody means to leave by a slip of the finger."""
        text = _("Nothing has been written to any disk. What was entered is lost when you leave.")
        box = Ask(_("Leave the wizard?"), text, yes=_("Leave"), no=_("Stay"))

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit(ExitCode.STOPPED, ExitCode.STOPPED)

        self.push_screen(box, answered)
