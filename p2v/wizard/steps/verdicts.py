"""The look before the conversion: everything that stands against it, at once, each with what to do."""

import textwrap
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from p2v.preflight import Preflight, Severity
from p2v.wizard.looking import conversion, found, key_of, verdict
from xeninstall.base.errors import Error
from xeninstall.base.sizes import format_duration, format_size
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Row, Rows, Session, Step, _, said

_CELLS = 74
_MARKS = {Severity.REFUSED: "[NO]", Severity.WARNING: "[ ! ]", Severity.NOTE: "[ - ]", Severity.GOOD: "[ok]"}
_ORDER = (Severity.REFUSED, Severity.WARNING, Severity.GOOD, Severity.NOTE)


class Verdicts(Step):
    """Looks, and shows what was found."""

    NAME = "verdicts"
    OWNS = ()
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "again", show=False, priority=True)]

    @dataclass
    class Looked(Message):
        """What was found for these answers, or why nothing was."""

        key: str
        result: Preflight | str

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Can it be converted?")

    @classmethod
    def applies(cls, session: Session) -> bool:
        """A rehearsal has no disks to look at."""
        return not session.rehearsal

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The systems on the disks were looked into, and the repairs that they need planned, without changing anything."
            "\n\n"
            "[NO] stands against the conversion, with what to do about it below. [ ! ] deserves a look; [ok] is as it should "
            "be; [ - ] is worth knowing.\n\n"
            "Time is that of what is slowest: samples of reading the disks and of writing to the target or sending there, or "
            "what the card says of its link. Downtime: nothing may change here until all is copied and compared. F5 or ^T looks "
            "again."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        result = verdict(session)
        if not isinstance(result, Preflight):
            return ""
        return _("{size} to copy").format(size=format_size(result.read_bytes)) + _in_time(result)

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        result = verdict(session)
        if result is None:
            return [Problem("convert", "nobody has looked yet; wait for the verdicts")]
        if isinstance(result, str):
            return [Problem("convert", result)]
        against = next((one for one in result.findings if one.severity is Severity.REFUSED), None)
        return [Problem("convert", f"{against.subject}: {against.text}; {against.remedy}")] if against is not None else []

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Look again"))]

    def body(self) -> ComposeResult:
        """See Step."""
        yield Rows(self._rows(), id="verdicts")

    def on_mount(self) -> None:
        """Look, unless these answers were looked at already."""
        super().on_mount()
        if verdict(self.session) is None:
            self.action_again()

    def action_again(self) -> None:
        """Look."""
        self.say(_("Looking at disks, systems and target; this takes up to some minutes ..."))
        self._look(key_of(self.session))

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self, key: str) -> None:
        try:
            result: Preflight | str = conversion(self.session).preflight()
        except Error as error:
            result = f"{error.message}; {error.hint}" if error.hint else error.message
        self.post_message(self.Looked(key, result))

    @on(Looked)
    def _looked(self, message: Looked) -> None:
        found(self.session).verdicts = {message.key: message.result}
        self.query_one("#verdicts", Rows).show_rows(self._rows())
        self.say("")
        self._told = True
        self.judge()

    def _rows(self) -> list[Row]:
        result = verdict(self.session)
        if result is None:
            return []
        if isinstance(result, str):
            return [Row("", line, loud=True) for line in textwrap.wrap(f"[NO] {said(result)}", _CELLS)]
        rows = []
        for one in sorted(result.findings, key=lambda finding: _ORDER.index(finding.severity)):
            head, *rest = textwrap.wrap(f"{_MARKS[one.severity]:<6}{one.subject}: {said(one.text)}", _CELLS)
            more = [line for text in ([" ".join(rest)] if rest else []) for line in textwrap.wrap(text, _CELLS - 4)]
            more += textwrap.wrap(f"-> {said(one.remedy)}", _CELLS - 4) if one.remedy else []
            rows.append(Row("", head, tuple(more), loud=one.severity is Severity.REFUSED))
        total = _("{size} to copy").format(size=format_size(result.read_bytes)) + _in_time(result)
        if result.downtime_seconds is not None:
            stands = _("downtime: about {time}, and what repairs take").format(time=format_duration(result.downtime_seconds))
            more = [stands, *(said(pace.title) for pace in result.paces)]
            return [*rows, Row("", total, tuple(line for text in more for line in textwrap.wrap(text, _CELLS - 4)))]
        return [*rows, Row("", total)]


def _in_time(result: Preflight) -> str:
    return f"; {_('about {time}').format(time=format_duration(result.seconds))}" if result.seconds is not None else ""
