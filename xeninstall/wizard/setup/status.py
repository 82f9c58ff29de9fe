"""The first screen: how the host does, and what can be set. Anybody may look; the rest asks for root's password at a console."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.sizes import MIB, format_duration, format_size
from xeninstall.host.report import drift_line
from xeninstall.host.state import State
from xeninstall.wizard.kit import Row, Rows, Say, Step, _, counted, pick_by_digit, plain, said

from .exits import EXIT_SHELL
from .session import SetupSession
from .unlock import AskPassword

SHELL, DIFFERENCES = ":shell", ":differences"
_OPEN_TO_ALL = (SHELL,)
_LOOK_SECONDS = 30.0
_FIRST_USE_SECONDS = 6.0
_LABEL_CELLS = 12
_WIDTH = 76


class Status(Step):
    """State, and the menu of settings."""

    NAME = "status"
    HAS_BACK = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "look_again", show=False, priority=True)]
    session: SetupSession

    @dataclass
    class Seen(Message):
        """How it does now."""

        state: State

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("This host")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The state is looked at every half minute, and at once with F5 or ^T. Choose a setting with the arrow keys and "
            "Enter, or press the digit in front: it shows what is set now, and nothing changes before its last screen, "
            "'Apply'.\n\n"
            "On the host's own console root's password is asked for first, and again after five minutes without a key. "
            "'Login shell' is the usual login; `xeninstall setup` opens this there, and over SSH.\n\n"
            "The settings are kept as the host's answer file, /etc/xeninstall/answers.toml. What somebody changed by hand since "
            "then is listed as a difference."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Choose")

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Look again"))]

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static(self._text(), id="state", markup=False)
        yield Static("", markup=False)
        yield Rows(self._rows(), id="menu")

    def on_mount(self) -> None:
        """Look at once, and from time to time; the screen changes only where something has."""
        super().on_mount()
        self.say(self.session.news or self._differences())
        self.session.news = ""
        self._look()
        if self.session.state is None:
            self.set_timer(_FIRST_USE_SECONDS, self._look)  # how busy the processors are is seen by two looks
        self.set_interval(_LOOK_SECONDS, self._look)

    def action_look_again(self) -> None:
        """Now; and the whole screen anew, since a kernel that has something to say writes over it."""
        self.refresh()
        self._look()

    @work(thread=True, exclusive=True, group="state", exit_on_error=False)
    def _look(self) -> None:
        self.post_message(self.Seen(self.session.host.state()))

    @on(Seen)
    def _seen(self, message: Seen) -> None:
        if message.state != self.session.state:
            self.session.state = message.state
            self.query_one("#state", Static).update(self._text())

    def on_next(self) -> None:
        """The row at hand."""
        self.query_one(Rows).action_pick()

    def on_key(self, event: object) -> None:
        """The digit in front of a row picks it."""
        pick_by_digit(self.query_one(Rows), event)

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        name = event.row.value
        if self.session.locked and name not in _OPEN_TO_ALL:
            self.app.push_screen(AskPassword(self.session), lambda good: self._open(name) if good else None)
        else:
            self._open(name)

    def _open(self, name: str) -> None:
        match name:
            case ":shell":
                self.app.exit(EXIT_SHELL)
            case ":differences":
                lines = "\n".join(f"- {said(drift_line(one))}" for one in self.session.current.drift)
                text = _(
                    "Changed by hand, or by something else, since the answer file was written. The next change that is applied "
                    "here writes it anew, with these."
                )
                self.app.push_screen(Say(_("Differences"), f"{text}\n\n{lines}"))
            case _:
                self.post_message(self.Open(name))

    def leave(self) -> None:
        """^C. On the host's own console there is nothing to leave to but the login."""
        if self.session.guarded:
            self.app.exit(EXIT_SHELL)
        else:
            super().leave()

    def _rows(self) -> list[Row]:
        rows = [Row(offer.name, offer.title, why_not=offer.about) for offer in self.session.offers()]
        rows.append(Row(SHELL, _("Login shell")))
        if differences := self._differences():
            rows.append(Row(DIFFERENCES, differences))  # the last, since it may lie below the screen: the notice says it, too
        return [Row(row.value, f"{number}  {row.text}", why_not=row.why_not) for number, row in enumerate(rows, 1)]

    def _differences(self) -> str:
        number = len(self.session.current.drift)
        return counted("{n} difference from the answer file", "{n} differences from the answer file", number) if number else ""

    def _text(self) -> str:
        state = self.session.state
        if state is None:
            return _("Looking ...") + "\n" * 8
        lines = [
            (_("Name"), _name(state) + (f", {_('up')} {format_duration(state.uptime_seconds)}" if state.uptime_seconds else "")),
            (_("Addresses"), " ".join(state.addresses) or _("none")),
            (_("System"), _system(state)),
            (_("CPU"), _cpu(state)),
            (_("Memory"), _memory(state)),
            (_("VM storage"), _storage(state)),
            (_("Guests"), _guests(state)),
            (_("Failed"), " ".join(state.failed) or _("no service")),
        ]
        return "\n".join(_fitting(label, plain(text)) for label, text in lines)


def _fitting(label: str, text: str) -> str:
    line = f"{label:<{_LABEL_CELLS}}{text}"
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 4]} ..."


def _name(state: State) -> str:
    return state.name or _("unknown")


def _system(state: State) -> str:
    xen = f"Xen {state.xen}" if state.xen else _("NOT under Xen")
    named = [f"{name} {version}" for name, version in (("Linux", state.kernel), ("Debian", state.debian)) if version]
    return ", ".join([xen, *named])


def _cpu(state: State) -> str:
    threads = counted("{n} thread", "{n} threads", state.cpus) if state.cpus else ""
    used = _("{percent} % in use").format(percent=state.cpu_percent) if state.cpu_percent is not None else ""
    load = " ".join(f"{one:.1f}" for one in state.load)
    return ", ".join(part for part in (threads, used, _("load of dom0 {load}").format(load=load) if load else "") if part)


def _memory(state: State) -> str:
    parts = [format_size(state.memory_mib * MIB)] if state.memory_mib else []
    if state.free_mib is not None:
        parts.append(_("{size} free for guests").format(size=format_size(state.free_mib * MIB)))
    if state.dom0_mib and state.dom0_used_mib is not None:
        used, own = format_size(state.dom0_used_mib * MIB), format_size(state.dom0_mib * MIB)
        parts.append(_("dom0 uses {used} of {own}").format(used=used, own=own))
    return ", ".join(parts)


def _storage(state: State) -> str:
    line = _("{name}: {used} of {size} used")
    return "; ".join(
        line.format(name=one.name, used=format_size(one.used_bytes), size=format_size(one.size_bytes)) for one in state.stores
    ) or _("none")


def _guests(state: State) -> str:
    if state.guests is None:
        return _("unknown: Xen does not answer")
    if not state.guests:
        return _("none is running")
    running = counted("{n} is running", "{n} are running", len(state.guests))
    return f"{running}: " + ", ".join(f"{one.name} ({format_size(one.memory_mib * MIB)})" for one in state.guests)
