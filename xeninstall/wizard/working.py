"""A step in which work is done: stages, a bar that only moves forward, and on failure what failed, why, and what to do.

What the work is, a subclass says.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from xeninstall.base.errors import Error, ExitCode, Stopped
from xeninstall.base.events import Emit, Event, Failed, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.base.sizes import format_duration, format_size
from xeninstall.wizard.kit import Act, Ask, Say, Session, Step, _, said

_REPAINT_SECONDS = 0.5  # a serial line carries no more
_BAR_CELLS = 40
_LOG_BYTES = 12000


@dataclass
class _Stage:
    title: str
    state: str = " "  # ">" at work, "x" done, "!" failed
    seconds: float | None = None
    skipped: bool = False


class Working(Step):
    """Runs something in a thread, and shows its events."""

    NAME = "progress"
    HAS_BACK = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4,ctrl+l", "show_log", show=False, priority=True)]

    @dataclass
    class Told(Message):
        """An event of the run."""

        event: Event

    @dataclass
    class Ended(Message):
        """The worker is done; `error` when it ended badly."""

        error: Error | None

    @dataclass
    class Gathered(Message):
        """The logs are in a file, or could not be put there."""

        text: str

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._stages = {name: _Stage(title) for name, title in self.titles().items()}
        self._notes: list[str] = []
        self._began = self._painted = 0.0
        self._at_work = False
        self._stopped = False

    @classmethod
    def applies(cls, session: Session) -> bool:
        """Nothing is done in a rehearsal."""
        return not session.rehearsal

    # ---- what a subclass defines

    def titles(self) -> dict[str, str]:
        """The stages to come, by name, in the language in use."""
        raise NotImplementedError

    def perform(self, emit: Emit) -> None:
        """Do it, or go on where an earlier try ended. Raises Error; called in a thread."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it soon, cleanly; `perform` then raises Stopped."""
        raise NotImplementedError

    def log_file(self) -> Path | None:
        """Where its log is."""
        raise NotImplementedError

    def gather_logs(self) -> Path:
        """Put everything that helps into one file. Raises Error; called in a thread."""
        raise NotImplementedError

    def stop_question(self) -> tuple[str, str]:
        """Title and text of the question before it is stopped."""
        raise NotImplementedError

    # ---- the step

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return ""

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F4 ^L", _("Log"))]

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static("", id="stages", markup=False)
        yield Static("", id="bar", classes="gap", markup=False)
        yield Static("", id="news", markup=False)

    def acts(self) -> list[Widget]:
        """Only after a failure."""
        acts = [Act(_("Try again"), id="again"), Act(_("Gather logs"), id="logs"), Act(_("Back to the review"), id="review")]
        for act in acts:
            act.display = False
        return list(acts)

    def on_mount(self) -> None:
        """Begin."""
        self._begin()

    # ---- the run

    def _begin(self) -> None:
        self._at_work, self._stopped = True, False
        for act in self.query(Act):
            act.display = False
        self.say("")
        self._show()
        self._work()

    @work(thread=True, exclusive=True, group="work", exit_on_error=False)
    def _work(self) -> None:
        try:
            self.perform(self._tell)
            self.session.forget()  # here: it may come to its end without a screen
            self.post_message(self.Ended(None))
        except Error as error:
            self.post_message(self.Ended(error))

    def _tell(self, event: Event) -> None:
        if isinstance(event, Progress):
            now = time.monotonic()
            if now - self._painted < _REPAINT_SECONDS and event.done_bytes < event.total_bytes:
                return
            self._painted = now
        self.post_message(self.Told(event))

    @on(Told)
    def _told_event(self, message: Told) -> None:
        match message.event:
            case StageStarted(stage=name, title=title):
                self._stages.setdefault(name, _Stage(_(title))).state = ">"
                self._began = time.monotonic()
                self._bar("")
            case StageFinished(stage=name, seconds=seconds, skipped=skipped):
                stage = self._stages.setdefault(name, _Stage(name))
                stage.state, stage.seconds, stage.skipped = "x", seconds, skipped
                self._bar("")
            case Progress(done_bytes=done, total_bytes=total):
                self._bar(_bar(done, total, time.monotonic() - self._began))
                return
            case Note(text=text, warning=warning):
                self._notes = [*self._notes, f"{'! ' if warning else '  '}{said(text)}"][-3:]
            case Failed(stage=name):
                self._stages.setdefault(name, _Stage(name)).state = "!"
            case Finished() as finished:
                self.session.done = finished
        self._show()

    @on(Ended)
    def _ended(self, message: Ended) -> None:
        self._at_work = False
        error = message.error
        if error is None:
            self.finish()
            return
        self._stopped = isinstance(error, Stopped)
        failed = next((stage for stage in self._stages.values() if stage.state == "!"), None)
        # What fails without saying where fails at what it was at.
        failed = failed or next((stage for stage in self._stages.values() if stage.state == ">"), None)
        if failed is not None and failed.state == ">":
            failed.state = "!"
            self._show()
        at = failed.title if failed is not None else ""
        lines = [
            _("STOPPED at: {stage}").format(stage=at) if self._stopped else _("FAILED at: {stage}").format(stage=at),
            _("Cause: {cause}").format(cause=said(error.message)),
            _("What to do: {hint}").format(hint=self._hint(error)),
            _("Log: {path}").format(path=self.log_file() or ""),
        ]
        self._bar("")
        news = self.query_one("#news", Static)
        news.update("\n".join(lines))
        news.add_class("danger")
        for act in self.query(Act):
            act.display = True
        self.query_one("#again", Act).focus()

    def _hint(self, error: Error) -> str:
        # The command line's way of going on is a button here.
        hint = re.sub(r"(?:(?:then )?use (?:the same command with )?|with the same command and )--resume", "", error.hint)
        hint = hint.strip(" ,;")
        then = _("then: Try again")
        return f"{said(hint)}; {then}" if hint and hint != error.hint else said(hint) or _("look into the log, then try again")

    # ---- what the person may do

    @on(Act.Pressed, "#again")
    def _again(self) -> None:
        self.query_one("#news", Static).remove_class("danger")
        for stage in self._stages.values():
            stage.state = " " if stage.state in "!>" else stage.state
        self._begin()

    @on(Act.Pressed, "#review")
    def _review(self) -> None:
        self.post_message(self.Jump("review"))

    @on(Act.Pressed, "#logs")
    def _logs(self) -> None:
        self.say(_("Gathering the logs ..."))
        self._gather()

    @work(thread=True, exclusive=True, group="logs", exit_on_error=False)
    def _gather(self) -> None:
        try:
            text = _("Logs are in {path}").format(path=self.gather_logs())
        except Error as error:
            text = f"{error.message}; {error.hint}"
        self.post_message(self.Gathered(text))

    @on(Gathered)
    def _gathered(self, message: Gathered) -> None:
        self.say(message.text)

    def action_show_log(self) -> None:
        """The end of the log, as it is now."""
        path = self.log_file()
        try:
            text = _end_of(path) if path else ""
        except OSError:
            text = ""
        shown = "\n".join(reversed(text.replace("\u2026", "...").splitlines()))
        self.app.push_screen(Say(_("Log, newest line first"), shown or _("There is no log yet.")))

    def action_next(self) -> None:
        """The work decides when it goes on."""
        if not self._at_work and self.session.done is None:
            self.query_one("#again", Act).focus()

    def leave(self) -> None:
        """^C stops the work only after a question."""
        if not self._at_work:
            self.app.exit(ExitCode.STOPPED if self._stopped else ExitCode.FAILED)
            return
        title, text = self.stop_question()
        box = Ask(title, text, yes=_("Stop"), no=_("Go on"))

        def answered(yes: bool | None) -> None:
            if yes:
                self.stop()
                self.say(_("Stopping ..."))

        self.app.push_screen(box, answered)

    # ---- drawing

    def _show(self) -> None:
        lines = []
        for stage in self._stages.values():
            took = _("by an earlier try") if stage.skipped else f"{stage.seconds:.1f} s" if stage.seconds is not None else ""
            lines.append(f"[{stage.state}] {stage.title:<28}{took:>18}".rstrip())
        self.query_one("#stages", Static).update("\n".join(lines))
        if self._at_work:
            self.query_one("#news", Static).update("\n".join(self._notes))

    def _bar(self, text: str) -> None:
        self.query_one("#bar", Static).update(text)


def _end_of(path: Path) -> str:
    """Its last lines; a log of hours is not read whole while the screen waits."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LOG_BYTES, 0))
        return file.read(_LOG_BYTES).decode("utf-8", "replace")


def _bar(done: int, total: int, seconds: float) -> str:
    """`[#####.....]  45 %  120 MiB/s  8 s left`."""
    part = min(done / max(total, 1), 1.0)
    filled = int(part * _BAR_CELLS)
    rate = done / max(seconds, 0.001)
    left = format_duration((total - done) / rate) if rate else "?"
    bar = f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}]"
    return f"{bar} {int(part * 100):>3} %  {format_size(int(rate))}/s  {_('{time} left').format(time=left)}"
