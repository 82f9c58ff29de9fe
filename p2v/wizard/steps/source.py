"""The source: this machine's disks, the systems that are on them, and how much there is to copy."""

import textwrap
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from p2v.answers import built_in, convertible
from p2v.target.password import Password
from p2v.wizard.looking import OnDisk, found, look
from xeninstall.base.errors import Error
from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Disk
from xeninstall.wizard import disks
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Field, Picks, Row, Session, Step, _, said

_SOURCE = "convert.source"


class Source(Step):
    """Which disks are converted."""

    NAME = "source"
    OWNS = (_SOURCE,)

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "unlock", show=False, priority=True)]

    @dataclass
    class Looked(Message):
        """What is on them; or why the passphrase that came last opens nothing."""

        disks: dict[str, OnDisk]
        passphrases: tuple[Password, ...] = ()
        trouble: str = ""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Source disks")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The marked disks become the disks of the virtual machine, in this order; the first one is started from. Disks "
            "that belong together (a volume group, a mirror) are marked together.\n\n"
            "They are only read: opened read-only, and set read-only in the kernel. What a system needs to start as a "
            "virtual machine is changed in the images alone.\n\n"
            "Encrypted volumes (LUKS) are looked into, and repaired, when their passphrase is entered; they stay encrypted. It "
            "is kept in memory alone: neither the answers nor the log have it. Unlock (F5, ^T) tries it; leave it empty to "
            "copy a volume as it is.\n\n"
            "'to copy' is what is in use; free space stays behind. A disk that is mounted for writing changes while it is "
            "read, and cannot be marked."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        return "; ".join(f"{disk.path} ({said(disk.identity)})" for disk in _marked(session))

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        problems = super().problems(session)
        marked = _marked(session)
        if not marked:
            problems.append(Problem(_SOURCE, "no disk is marked; mark the disks that the system is on"))
        for disk in marked:
            trouble = _trouble(disk, session)
            if trouble:
                problems.append(Problem(_SOURCE, f"{trouble}; take the mark away, or mend that"))
        return problems

    def body(self) -> ComposeResult:
        """See Step."""
        if not self.session.draft.given(_SOURCE):
            self._write([disk.path for disk in built_in(self.session.machine)])
        marked = [disk.path for disk in _marked(self.session)]
        yield Static(_("Which disks become those of the virtual machine?"), classes="text", markup=False)
        yield Static("")
        yield Picks(self._rows(), marked=marked, id="disks")
        yield Static("", id="locked-gap")
        yield Field(_("Passphrase (LUKS)"), password=True, hint=_("of what is encrypted; may be empty"), id="passphrase")
        yield Act(_("Unlock"), id="unlock")

    def on_mount(self) -> None:
        """Look, once; a rehearsal has nothing to look at."""
        self._show_lock()
        super().on_mount()
        if not self.session.rehearsal and not found(self.session).disks:
            self.say(_("Looking at the disks ..."))
            self._look([disk.path for disk in _choosable(self.session)], found(self.session).passphrases)

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Unlock"))] if _locked(self.session) else []

    @on(Act.Pressed, "#unlock")
    def action_unlock(self) -> None:
        """Try the passphrase that was entered."""
        typed = self.query_one("#passphrase", Field).line.value
        if not _locked(self.session) or not typed:
            return
        self.say(_("Opening what is encrypted ..."))
        passphrases = (*found(self.session).passphrases, Password(typed))
        self._look([disk.path for disk in _choosable(self.session) if not _trouble(disk, self.session)], passphrases)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self, paths: list[str], passphrases: tuple[Password, ...]) -> None:
        try:
            self.post_message(self.Looked(look(paths, self.session.runner, passphrases), passphrases))
        except Error as error:
            self.post_message(self.Looked({}, trouble=error.message))

    def _show_lock(self) -> None:
        """A passphrase is asked for where something is locked."""
        for name in ("#locked-gap", "#passphrase", "#unlock"):
            self.query_one(name).display = bool(_locked(self.session))
        self.show_keys()

    @on(Looked)
    def _looked(self, message: Looked) -> None:
        kept, before = found(self.session), _locked(self.session)
        if message.trouble:
            self.say(said(message.trouble), wrong=True)
            return
        kept.disks |= message.disks
        tried = len(message.passphrases) > len(kept.passphrases)
        opened = [name for name in before if name not in _locked(self.session)]
        if tried and not opened:
            self.say(_("No encrypted volume is opened by that passphrase."), wrong=True)
            return
        if tried:
            kept.passphrases, kept.verdicts = message.passphrases, {}
            self.query_one("#passphrase", Field).fill("")
        self._show_lock()
        picks = self.query_one("#disks", Picks)
        # What cannot be read cannot be marked, nor a mark be taken from it by hand.
        out = [path for path in picks.marked if path in message.disks and message.disks[path].trouble]
        if out:
            picks.marked = [path for path in picks.marked if path not in out]
            self._write(picks.marked)
        picks.show_rows(self._rows())
        news = _("Opened: {volumes}").format(volumes=", ".join(opened)) if tried else ""
        self.say(_("Taken out, since it cannot be read now: {disks}").format(disks=", ".join(out)) if out else news)
        self.judge()

    def changed(self, event: Changed) -> None:
        """See Step."""
        if event.control.id == "disks" and isinstance(event.value, list):
            self._write(event.value)
            self._show_lock()

    def _write(self, paths: list[str]) -> None:
        machine = self.session.machine
        chosen = [disk for disk in _choosable(self.session) if disk.path in paths]
        self.session.draft.set(_SOURCE, [disks.selector(disk, machine) for disk in chosen])

    def _rows(self) -> list[Row]:
        return [self._row(disk) for disk in _choosable(self.session)]

    def _row(self, disk: Disk) -> Row:
        head = f"{disk.path:<14} {format_size(disk.size_bytes):>9}  {disk.bus:<6} {disk.model}"
        more = [said(disk.identity) if disk.identity != disk.path else _("no serial number")]
        seen = found(self.session).disks.get(disk.path)
        if seen is None:
            held = disks.holds(disk)
            more += [_("holds {what}").format(what=held)] if held else []
            return Row(disk.path, head, tuple(line[:70] for line in more))
        more += list(seen.systems[:3])
        more += [_("locked: {volumes}").format(volumes=", ".join(seen.locked))] if seen.locked else []
        if not seen.trouble:
            more.append(_("{size} to copy").format(size=format_size(seen.copied_bytes)))
        lines = textwrap.wrap(f"{_('UNUSABLE')}: {said(seen.trouble)}", 68) if seen.trouble else [""]
        return Row(disk.path, head, tuple(line[:70] for line in [*more, *lines[:-1]]), lines[-1])


def _choosable(session: Session) -> list[Disk]:
    return [disk for disk in session.machine.disks if convertible(disk) and disk.size_bytes]


def _marked(session: Session) -> list[Disk]:
    chosen = session.draft.get(_SOURCE) or ()
    named = [disks.named(one, session.machine) for one in chosen if isinstance(one, dict)]
    return [disk for disk in named if disk is not None]


def _locked(session: Session) -> list[str]:
    """What is encrypted on the marked disks, and was not opened."""
    disks = found(session).disks
    return [f"{disk.path}, {name}" for disk in _marked(session) if disk.path in disks for name in disks[disk.path].locked]


def _trouble(disk: Disk, session: Session) -> str:
    seen = found(session).disks.get(disk.path)
    return seen.trouble if seen is not None else ""
