"""Time: NTP as DHCP says, from servers that can be tested on the spot, or a clock that is set by hand."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from xeninstall.apply.proof.results import Result
from xeninstall.apply.proof.services import ask_time_server
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Choice, Field, Row, Session, Step, _, said, words
from xeninstall.wizard.plain import in_plain_words
from xeninstall.wizard.proving import ProvingBox, line
from xeninstall.wizard.shelf import only

_SERVERS, _CLOCK = "time.servers", "time.clock"
_WRITTEN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Time(Step):
    """Where the time comes from."""

    NAME = "time"
    OWNS = ("time.ntp", _SERVERS, _CLOCK)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "test", show=False, priority=True)]

    @dataclass
    class Tested(Message):
        """What the servers said."""

        results: tuple[Result, ...]

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Time")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Guests, certificates and logs need the right time. NTP keeps it; the host runs chrony.\n\n"
            "From DHCP: the servers that DHCP names; when it names none, Debian's pool on the internet. Own servers: names or "
            "addresses, separated by blanks; F5 or ^T asks each of them now.\n\n"
            "By hand: for a network without any time server. The clock is set to what you enter when the installation begins, "
            "and nothing corrects it afterwards."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        draft = session.draft
        match draft.get("time.ntp"):
            case "servers":
                return "NTP: " + " ".join(str(one) for one in draft.get(_SERVERS) or ())
            case "none":
                clock = _shown(draft.get(_CLOCK), draft.get("time.zone"))
                return _("by hand: {clock}").format(clock=clock) if clock else _("no NTP, the clock stays as it is")
        return _("NTP servers from DHCP, else Debian's pool")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step. A person here writes a time, not TOML."""
        remedy = "not a date and a time; write them like 2026-11-23 20:15"
        found = in_plain_words(super().problems(session))
        return [Problem(_CLOCK, remedy) if one.key == _CLOCK else one for one in found]

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Test"))]

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        yield Static(_("Where shall this host get the time from?"), classes="text", markup=False)
        ways = [
            Row("dhcp", _("NTP servers that DHCP names, else Debian's pool")),
            Row("servers", _("these NTP servers")),
            Row("none", _("by hand, without NTP")),
        ]
        yield Choice(ways, chosen=draft.get("time.ntp"), key="time.ntp", id="ntp")
        yield Static("", markup=False)
        servers = draft.get(_SERVERS) or self.session.shelf.get(_SERVERS)
        yield Field(_("NTP servers"), key=_SERVERS, value=servers, parse=words, id="servers")
        clock = _shown(draft.get(_CLOCK) or self.session.shelf.get(_CLOCK), draft.get("time.zone"))
        hint = str(draft.get("time.zone"))
        yield Field(_("Date and time"), key=_CLOCK, value=clock, parse=self._moment, hint=hint, id="clock")
        yield Static("", id="results", classes="text gap", markup=False)
        if not self.session.rehearsal:
            yield Act(_("Test the servers"), id="test")

    def on_mount(self) -> None:
        """See Step."""
        self._show()
        super().on_mount()

    def after_change(self, key: str) -> None:
        """See Step."""
        if key == "time.ntp":
            self._show()
        self.query_one("#results", Static).update("")

    def _show(self) -> None:
        ntp = self.session.draft.get("time.ntp")
        only(self.session, {"servers": (_SERVERS,), "none": (_CLOCK,)}.get(ntp, ()), (_SERVERS, _CLOCK))
        self.query_one("#servers").display = ntp == "servers"
        self.query_one("#clock").display = ntp == "none"
        for act in self.query("#test"):
            act.display = ntp != "none"

    def _moment(self, text: str) -> object:
        """A moment in the chosen zone where it is one; else what was typed, so that it is refused in words."""
        found = _WRITTEN.fullmatch(text.strip())
        try:
            zone = ZoneInfo(str(self.session.draft.get("time.zone")))
            return datetime(*(int(part or 0) for part in found.groups()), tzinfo=zone) if found else text.strip() or None  # type: ignore[misc,arg-type]
        except (ValueError, OverflowError, ZoneInfoNotFoundError):
            return text.strip()

    @on(Act.Pressed, "#test")
    def action_test(self) -> None:
        """Each server by itself; the ones that DHCP names show only when a lease is taken, which the network's proof does."""
        session = self.session
        ntp = session.draft.get("time.ntp")
        if session.rehearsal:
            self.say(_("A rehearsal asks no network."))
        elif ntp == "dhcp":
            self.app.push_screen(ProvingBox(session))
        elif ntp == "servers":
            if session.draft.problems(_SERVERS):
                self._told = True
                self.judge()
                return
            self.query_one("#results", Static).update(_("Asking ..."))
            self._ask(tuple(session.draft.section("time").servers))

    @work(thread=True, exclusive=True, group="ntp", exit_on_error=False)
    def _ask(self, servers: tuple[str, ...]) -> None:
        self.post_message(self.Tested(tuple(ask_time_server(server) for server in servers)))

    @on(Tested)
    def _tested(self, message: Tested) -> None:
        self.query_one("#results", Static).update("\n".join(line(one, said(one.text)) for one in message.results))


def _shown(moment: object, zone: object) -> str:
    """As it is typed, in the chosen zone."""
    if not isinstance(moment, datetime):
        return str(moment or "")
    try:
        return moment.astimezone(ZoneInfo(str(zone))).strftime("%Y-%m-%d %H:%M")
    except (ZoneInfoNotFoundError, ValueError):
        return moment.isoformat(" ", "minutes")
