"""What is in the pack and whose it is; then it is loaded, and what appeared by that stands here."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.base.events import Event, Note
from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Machine
from xeninstall.machine.probe import probe
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Kind, Pack, Trust
from xeninstall.packs.queue import answers_with
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Ask, Session, Step, _, counted, plain, said

_LABEL_CELLS = 16
_TEXT_CELLS = 60


class LoadPack(Step):
    """Show, ask, load."""

    NAME = "load-pack"
    AUTO_FOCUS = "#back"

    @dataclass
    class Told(Message):
        """News of the loading."""

        text: str

    @dataclass
    class Ended(Message):
        """It is loaded, with the machine as it is now; or something stood against it."""

        loaded: Loaded | None
        machine: Machine | None = None
        trouble: str = ""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._at_work = False
        self._loaded: Loaded | None = None

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Load a driver or pack")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What the pack holds, for which kernel its drivers are, and who signed it. The files were compared with the pack's "
            "own list.\n\n"
            "A driver runs with all rights. Where no key that this medium trusts has signed the pack, nobody vouches for it: "
            "load it only when you know where it came from.\n\n"
            "'Load' puts it into the running system and says which disks and network cards appeared. An installation that "
            "follows takes it along."
        )

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """A driver for another kernel cannot be loaded, whatever anybody wants."""
        pack, kernel = session.opened, session.machine.kernel.release
        if pack is None or not pack.manifest.modules or pack.manifest.kernel == kernel:
            return []
        return [Problem("pack", f"its modules are for another kernel than {kernel}; get the pack that was made for it")]

    def body(self) -> ComposeResult:
        """See Step."""
        for look, text in _lines(self.session.opened, self.session.machine.kernel.release):
            yield Static(text, classes=look, markup=False)
        yield Static("", id="outcome", classes="text gap", markup=False)

    def acts(self) -> Iterable[Widget]:
        """The way back has the focus."""
        yield Act(_("Back"), id="back")
        yield Act(_("Load"), id="next")

    def on_next(self) -> None:
        """Load, after a question where nobody vouches for it; afterwards back to the menu."""
        pack = self.session.opened
        if self._loaded is not None:
            self.finish()
        elif pack is None or self.session.loader is None or self._at_work:
            return
        elif pack.signature.trust is Trust.TRUSTED:
            self._begin(True)
        else:
            text = _(
                "{pack}: {trust}. A driver runs with all rights, and nobody vouches for this one. "
                "Load it only when you know where it came from."
            ).format(pack=pack.manifest.title, trust=_trust(pack))
            self.app.push_screen(
                Ask(_("Load a pack that is not trusted?"), text, yes=_("Load it all the same"), no=_("Go back")), self._begin
            )

    def _begin(self, yes: bool | None) -> None:
        if yes:
            self._at_work = True
            self.say(_("Loading ..."))
            self._work()

    @work(thread=True, exclusive=True, group="load", exit_on_error=False)
    def _work(self) -> None:
        assert self.session.loader is not None
        try:
            loaded = self.session.loader.load(self._tell)
        except Error as error:
            self.post_message(self.Ended(None, trouble=f"{error.message}; {error.hint}"))
            return
        except OSError as error:
            self.post_message(self.Ended(None, trouble=f"{error.filename}: {error.strerror}"))
            return
        self.post_message(self.Told(_("Looking at the machine ...")))
        try:
            self.post_message(self.Ended(loaded, probe(self.session.runner)))
        except Error:
            self.post_message(self.Ended(loaded))  # it is loaded all the same; the hardware check can look again

    def _tell(self, event: Event) -> None:
        if isinstance(event, Note):
            self.post_message(self.Told(said(event.text)))

    @on(Told)
    def _told_text(self, message: Told) -> None:
        if self._at_work:
            self.say(message.text)

    @on(Ended)
    def _ended(self, message: Ended) -> None:
        self._at_work = False
        if message.loaded is None:
            self.say(said(message.trouble), wrong=True)
            return
        self._loaded = message.loaded
        if message.machine is not None:
            self.session.machine = message.machine
        self.keep(message.loaded.pack)
        self.say(self.kept_where())
        self.query_one("#outcome", Static).update("\n".join(_outcome(message.loaded)))
        self.query_one("#back").display = False
        self.query_one("#next", Act).rename(_("To the menu"))
        self.query_one("#next").focus()

    def keep(self, pack: Pack) -> None:
        """For the installation: in the session, and in the answers, which can be replayed."""
        session, name = self.session, pack.manifest.name
        gone = {one.digest for one in session.packs if one.manifest.name == name}
        session.packs[:] = [one for one in session.packs if one.manifest.name != name] + [pack]
        session.draft.set("packs", answers_with(session.draft.get("packs"), pack, gone))

    @classmethod
    def kept_where(cls) -> str:
        """What becomes of it, now that it is loaded."""
        return _("Loaded. An installation from here takes the pack along.")

    def action_back(self) -> None:
        """Once it is loaded, the way back is the menu."""
        if self._loaded is not None:
            self.finish()
        elif not self._at_work:
            super().action_back()

    def leave(self) -> None:
        """A module that is being loaded cannot be stopped."""
        if not self._at_work:
            super().leave()


def _trust(pack: Pack) -> str:
    signature = pack.signature
    match signature.trust:
        case Trust.TRUSTED:
            return f"{signature.signer} ({signature.fingerprint})"
        case Trust.UNKNOWN:
            return _("signed by a key that is not trusted here ({key})").format(key=signature.fingerprint)
        case Trust.UNSIGNED:
            return _("NOT SIGNED by anybody")


def _lines(pack: Pack | None, running: str) -> Iterator[tuple[str, str]]:
    """Class and text of each line."""
    if pack is None:
        return
    manifest = pack.manifest
    kind = {Kind.DRIVER: _("driver"), Kind.SUPPLEMENTAL: _("supplement")}[manifest.kind]
    yield _line(_("Pack"), f"{manifest.title} ({kind}), {format_size(pack.size_bytes)}")
    if manifest.description:
        yield _line(_("About"), manifest.description)
    fits = not manifest.modules or manifest.kernel == running
    kernel = manifest.kernel if manifest.modules else _("any")
    yield _line(
        _("For kernel"), f"{kernel}" if fits else _("{kernel}: NOT this one").format(kernel=kernel), "text" if fits else "danger"
    )
    yield _line(_("Signed by"), _trust(pack), "text" if pack.signature.trust is Trust.TRUSTED else "warning")
    if manifest.modules:
        yield _line(_("Drivers"), ", ".join(manifest.modules))
    for part, title in (("firmware", _("Firmware")), ("debs", _("Packages")), ("templates", _("Templates"))):
        if files := manifest.part(part):
            names = ", ".join(path.rpartition("/")[2] for path in files)
            yield _line(
                title, f"{counted('{n} file', '{n} files', len(files))}: {textwrap.shorten(names, 100, placeholder=' ...')}"
            )


def _line(label: str, text: str, look: str = "text") -> tuple[str, str]:
    lines = textwrap.wrap(plain(text), _TEXT_CELLS)[:3] or [""]
    return look, f"{label:<{_LABEL_CELLS}}" + f"\n{' ' * _LABEL_CELLS}".join(lines)


def _outcome(loaded: Loaded) -> Iterator[str]:
    rows = ((_("Drivers loaded"), loaded.modules), (_("New disks"), loaded.disks), (_("New cards"), loaded.nics))
    for label, names in rows:
        yield _line(label, ", ".join(names) or _("none"))[1]
