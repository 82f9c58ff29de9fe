"""The application: shows one step at a time and follows the flow. It asks nothing itself, but for whether to leave."""

import logging
import traceback
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from xeninstall.base.errors import ExitCode

from .flow import Flow
from .keeping import Keeper, Kept
from .kit import Ask, Session, Step, _
from .kit.glyphs import use_console_glyphs
from .kit.language import switch
from .kit.session import Answered, Offer
from .shelf import only_flow

log = logging.getLogger("xeninstall.wizard")


class Wizard(App[int]):
    """Its result is the exit code."""

    CSS_PATH = "wizard.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True)]

    def __init__(
        self, session: Session, start: Flow, flows: list[Flow], begin: Flow | None = None, keeper: Keeper | None = None
    ) -> None:
        use_console_glyphs()
        super().__init__()
        self._keeper, self._keeping, self._place = keeper, False, ""
        self.session, self._start, self._flows, self._begin = session, start, flows, begin
        self.flow = start
        self.mistake = ""  # the end of a traceback, when the wizard itself failed
        session.offers = lambda: [Offer(flow.name, flow.title(), flow.about()) for flow in flows]
        session.answered = self._answered
        session.draft.on_change = self._keep
        session.forget = self._forget
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
            self._enter(self._begin)
        elif self.session.reviewed and self._flows:
            wanted = self.session.draft.get("flow")
            self.flow = next((flow for flow in self._flows if flow.name == wanted), self._flows[0])
        kept = self._keeper.take() if self._keeper else None
        if kept is not None:
            switch(kept.language)
        self.show(self.flow.first(self.session), first=True)
        if kept is not None:
            self._offer(kept)
        else:
            self._keeping = self._keeper is not None

    # ---- what an earlier wizard left

    def _offer(self, kept: Kept) -> None:
        """Going on is the safe answer, and every way out of the box but one."""
        text = _("The wizard before this one ended at {time}, and what was entered until then is still here. Go on with it?")
        text = text.format(time=kept.ended)
        if kept.hooks and not self.session.draft.given("hooks"):
            text += "\n\n" + _("Hooks are not kept: to have them, leave, and start again with the answer file that they are in.")
        box = Ask(_("Go on where you were?"), text, yes=_("Begin anew"), no=_("Go on"))

        def answered(anew: bool | None) -> None:
            self._keeping = True
            if anew:
                self._keep()
            else:
                self._go_on(kept)

        self.push_screen(box, answered)

    def _go_on(self, kept: Kept) -> None:
        session = self.session
        hooks = {"hooks": session.draft.data["hooks"]} if session.draft.given("hooks") else {}
        session.draft.put(kept.data | hooks)
        session.shelf.update(kept.shelf)
        session.reviewed = kept.reviewed
        self.flow = next((flow for flow in self._flows if flow.name == kept.flow), self._start)
        steps = {step.NAME: step for step in (*self._start.steps, *self.flow.applying(session))}
        self.show(steps.get(kept.step, self.flow.steps[0]))

    def _keep(self) -> None:
        if self._keeping and self._keeper:
            self._keeper.keep(self.session, self.flow.name, self._place)

    def _forget(self) -> None:
        self._keeping = False
        if self._keeper:
            self._keeper.forget()

    # ---- from step to step

    def show(self, wanted: type[Step], *, first: bool = False) -> None:
        """Build the step anew from the draft and show it instead of the one before."""
        step = wanted(self.session)
        steps = self.flow.applying(self.session)
        if self.flow is not self._start and wanted in steps:
            step.place = (steps.index(wanted) + 1, len(steps))
            step.subject = self.flow.subject()
        if wanted is self.flow.review:
            self.session.reviewed = True
        if self.flow.review not in steps or wanted not in steps[steps.index(self.flow.review) + 1 :]:
            self._place = wanted.NAME  # whoever comes back begins the work anew by a deliberate act, at the review
        self._keep()
        if first:
            self.push_screen(step)
        else:
            self.switch_screen(step)

    def on_step_finished(self, message: Step.Finished) -> None:
        """On to the next."""
        step = type(message.step)
        # Whoever came from the review to a step of the start goes back there.
        wanted = self.flow.after(step, self.session) if step in self.flow.steps else self.flow.first(self.session)
        if wanted is not None:
            self.show(wanted)
        elif self.flow is not self._start:
            self.to_menu()  # what the flow was for is done

    def to_menu(self) -> None:
        """To the step that every flow begins from and ends at."""
        self.flow = self._start
        self.show(self._menu)

    def on_step_go_back(self, message: Step.GoBack) -> None:
        """To the step before; from a flow's first step to the menu."""
        step = type(message.step)
        wanted = self.flow.before(step, self.session) if step in self.flow.steps else self.flow.first(self.session)
        if wanted is not None:
            self.show(wanted)
        elif self.flow is not self._start:
            self.out_of_flow()

    def out_of_flow(self) -> None:
        """Back beyond the first step of a flow; what was entered stays."""
        self.to_menu()

    def on_step_jump(self, message: Step.Jump) -> None:
        """To the step of that name, of the flow at hand."""
        self.show(next(step for step in (*self.flow.steps, *self._start.steps) if message.name == step.NAME))

    def on_step_open(self, message: Step.Open) -> None:
        """Begin the flow that was chosen."""
        self._enter(next(flow for flow in self._flows if flow.name == message.name))
        self.show(self.flow.first(self.session))

    def _enter(self, flow: Flow) -> None:
        """Begin a flow. One that ends in a review has answers of its own."""
        self.flow = flow
        if flow.review is not None:
            only_flow(self.session, flow.name)

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
        box = Ask(_("Leave the wizard?"), self.leaving(), yes=_("Leave"), no=_("Stay"))

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit(ExitCode.STOPPED, ExitCode.STOPPED)

        self.push_screen(box, answered)

    def leaving(self) -> str:
        """What becomes of what was entered."""
        if self._keeping and self._keeper and self._keeper.keeps:
            return _("Nothing has been written to any disk. What was entered is kept until this machine is switched off.")
        return _("Nothing has been written to any disk. What was entered is lost when you leave.")
