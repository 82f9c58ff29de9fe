"""The packs that the host gets: those that were loaded here, and those that a given answer file names."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.packs.model import Pack
from xeninstall.packs.read import shown_source
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Picks, Row, Session, Step, _, said

_KEY = "packs"


class Packs(Step):
    """Which of them."""

    NAME = "packs"
    OWNS = (_KEY,)

    @dataclass
    class Read(Message):
        """A pack was read for the installation, or could not be."""

        source: str
        pack: Pack | None
        trouble: str = ""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Packs")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Packs that were loaded here, or that the answer file names: the host gets their drivers, in its initramfs too, "
            "their firmware and their packages. Take the mark from one that it shall not have.\n\n"
            "Drivers are made for one kernel. When Debian brings a newer one, the host needs the pack that was made for that."
        )

    @classmethod
    def applies(cls, session: Session) -> bool:
        """Where there are any."""
        return bool(_all(session))

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        chosen = _chosen(session)
        return ", ".join(_title(session, one) for one in chosen) or _("none")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        found = super().problems(session)
        if found or session.rehearsal:
            return found
        return [
            Problem(_KEY, f"{shown_source(one['source'])} is not read yet; read it, or take its mark away")
            for one in _chosen(session)
            if _ready(session, one) is None
        ]

    def body(self) -> ComposeResult:
        """See Step."""
        every, chosen = _all(self.session), _chosen(self.session)
        yield Static(_("Which packs shall the host get?"), classes="text", markup=False)
        yield Static("", markup=False)
        yield Picks(self._rows(every), marked=[one["source"] for one in chosen], id="packs")
        if any(_ready(self.session, one) is None for one in every) and self.session.loader is not None:
            yield Static("", markup=False)
            yield Act(_("Read them now"), id="read")

    def _rows(self, every: list[dict[str, Any]]) -> list[Row]:
        return [Row(one["source"], _title(self.session, one), (shown_source(one["source"]),)) for one in every]

    def changed(self, event: Changed) -> None:
        """See Step."""
        marked = event.value if isinstance(event.value, list) else []
        self.write(_KEY, [one for one in _all(self.session) if one["source"] in marked] or None)

    @on(Act.Pressed, "#read")
    def _read(self) -> None:
        self.say(_("Reading the packs ..."))
        self._stage([one for one in _chosen(self.session) if _ready(self.session, one) is None])

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def _stage(self, wanted: list[dict[str, Any]]) -> None:
        assert self.session.loader is not None
        for one in wanted:
            try:
                pack = self.session.loader.stage(PackSource.model_validate(one), lambda event: None)
                self.post_message(self.Read(one["source"], pack))
            except Error as error:
                self.post_message(self.Read(one["source"], None, f"{error.message}; {error.hint}"))
            except (OSError, ValidationError) as error:
                self.post_message(self.Read(one["source"], None, str(error)))

    @on(Read)
    def _was_read(self, message: Read) -> None:
        if message.pack is None:
            self.say(said(message.trouble), wrong=True)
            return
        self.session.packs.append(message.pack)
        # From now on the answers mean this very pack.
        pinned = [
            one | ({"sha256": message.pack.digest} if one["source"] == message.source else {}) for one in _all(self.session)
        ]
        marked = {one["source"] for one in _chosen(self.session)}
        self.session.shelf[_KEY] = pinned
        self.session.draft.set(_KEY, [one for one in pinned if one["source"] in marked])
        self.post_message(self.Redraw(self))


def _chosen(session: Session) -> list[dict[str, Any]]:
    given = session.draft.get(_KEY)
    return [one for one in given if isinstance(one, dict) and "source" in one] if isinstance(given, list) else []


def _all(session: Session) -> list[dict[str, Any]]:
    """Those that are chosen, and those that were before their mark was taken away."""
    kept = session.shelf.get(_KEY)
    before = kept if isinstance(kept, list) else []
    chosen = _chosen(session)
    known = {one["source"] for one in chosen}
    every = [*chosen, *(one for one in before if one["source"] not in known)]
    session.shelf[_KEY] = sorted(every, key=lambda one: str(one["source"]))
    return list(session.shelf[_KEY])  # type: ignore[call-overload,no-any-return]


def _ready(session: Session, one: dict[str, Any]) -> Pack | None:
    return next((pack for pack in session.packs if pack.digest == one.get("sha256")), None)


def _title(session: Session, one: dict[str, Any]) -> str:
    pack = _ready(session, one)
    return pack.manifest.title if pack is not None else shown_source(str(one["source"]))
