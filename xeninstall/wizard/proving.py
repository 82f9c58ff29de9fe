"""The box in which a network is proven: results as they come, one a line, `[ok]`, `[ ! ]` or `[NO]` before it."""

import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from xeninstall.apply.proof.prove import Subject, interfaces, prove
from xeninstall.apply.proof.results import Outcome, Result

from .kit import Act, Session, Step, _, said

_WIDTH = 68
_NAME_CELLS = 10
_MARKS = {Outcome.PASSED: "[ok]", Outcome.WARNED: "[ ! ]", Outcome.FAILED: "[NO]"}
# A proof that was closed puts its addresses away before another one begins.
_ONE_AT_A_TIME = threading.Lock()


class ProvingBox(ModalScreen[None]):
    """Asks the network in a worker. Closing it ends the proof and leaves nothing behind."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f10,ctrl+n,ctrl+p,enter", "close", show=False, priority=True),
        Binding("down", "scroll(1)", show=False, priority=True),
        Binding("up", "scroll(-1)", show=False, priority=True),
    ]

    @dataclass
    class Found(Message):
        """One more result; None at the end."""

        result: Result | None

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.results: list[Result] = []

    def compose(self) -> ComposeResult:
        """Results, the state of the work, and the way out."""
        with Vertical(classes="box"):
            yield Static(_("Prove the network"), classes="box-title", markup=False)
            with VerticalScroll(classes="box-text", can_focus=False):
                yield Static("", id="proof", markup=False)
            yield Static(_("Asking the network; this takes up to half a minute ..."), id="state", classes="gap", markup=False)
            with Horizontal(classes="box-acts"):
                yield Act(_("Close"), id="close")

    def on_mount(self) -> None:
        """Begin, where there is a network to ask."""
        session = self.session
        if session.rehearsal:
            self._end(_("A rehearsal asks no network."))
        elif session.installed:
            self._end(
                _("This host works over the network that would be tried. Apply the change: unconfirmed, it is undone by itself.")
            )
        elif session.onto_image:
            self._end(_("The host goes into an image file; the network that it will run in cannot be asked from here."))
        else:
            draft = session.draft
            network = draft.section("network")
            self._prove(Subject(interfaces(network, session.machine), network, draft.section("dns"), draft.section("time")))

    @work(thread=True, exclusive=True, group="proof", exit_on_error=False)
    def _prove(self, subject: Subject) -> None:
        worker = get_current_worker()
        with _ONE_AT_A_TIME:
            asked = prove(subject, self.session.runner)
            try:
                for result in asked:
                    if worker.is_cancelled:
                        return
                    self.post_message(self.Found(result))
            finally:
                _finish(asked)
        self.post_message(self.Found(None))

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.result is None:
            self._end(summary(self.results))
            return
        self.results.append(message.result)
        self.query_one("#proof", Static).update("\n".join(line(one, said(one.text)) for one in self.results))
        self.query_one(VerticalScroll).scroll_end(animate=False)

    def _end(self, text: str) -> None:
        self.query_one("#state", Static).update(text)

    @on(Act.Pressed, "#close")
    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def prove_now(step: Step) -> None:
    """Over the step, when what is entered there could work at all; else say what is wrong and go there."""
    if step.problems(step.session):
        step.action_next()
    else:
        step.app.push_screen(ProvingBox(step.session))


def summary(results: list[Result]) -> str:
    """The proof in one sentence."""
    if any(one.outcome is Outcome.FAILED for one in results):
        return _("Something does not work. You can go on all the same.")
    if any(one.outcome is Outcome.WARNED for one in results):
        return _("The network works; [ ! ] marks what deserves a look.")
    return _("The network works.")


def line(result: Result, text: str) -> str:
    """A result on its own lines."""
    first = f"{_MARKS[result.outcome]:<6}{_names().get(result.name, result.name):<{_NAME_CELLS}}"
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _names() -> dict[str, str]:
    return {
        "link": _("Link"),
        "bond": _("Bond"),
        "vlan": "VLAN",
        "lease": "DHCP",
        "address": _("Address"),
        "router": _("Router"),
        "gateway": _("Gateway"),
        "mtu": "MTU",
        "dns": "DNS",
        "ntp": "NTP",
    }


def _finish(asked: Iterator[Result]) -> None:
    close = getattr(asked, "close", None)
    if close is not None:
        close()
