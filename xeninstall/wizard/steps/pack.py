"""Which pack: those on the media that are attached, or one by its path or URL."""

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.base.events import Event, Progress
from xeninstall.base.sizes import format_size
from xeninstall.packs.find import Found
from xeninstall.packs.model import Pack
from xeninstall.wizard.kit import Act, Field, Row, Rows, Session, Step, _, said

_KEY = "pack.source"


class FindPack(Step):
    """Where the pack is."""

    NAME = "pack"
    AUTO_FOCUS = "Rows"

    @dataclass
    class Searched(Message):
        """What is attached was looked through."""

        found: list[Found]

    @dataclass
    class Opened(Message):
        """A pack was read and checked, or something stood against it."""

        pack: Pack | None
        trouble: str = ""

    @dataclass
    class Told(Message):
        """How far the reading is."""

        text: str

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._at_work = False

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Load a driver or pack")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "A pack brings drivers that this medium lacks, their firmware, or further packages. It is loaded here at once, so "
            "that its disks and network cards appear, and an installation that follows takes it along into the host.\n\n"
            "Bring it on a stick or a disc, as an archive or unpacked, or name the path of a file or directory, a device such as "
            "/dev/sdb1, or an http(s) address. A medium may be changed at any time: insert it and choose 'Look again'.\n\n"
            "A bare directory of .ko or .deb files works, too, but nobody has signed it."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        yield Static("", id="state", classes="text", markup=False)
        yield Static("", markup=False)
        yield Rows([], id="found")
        yield Static("", markup=False)
        value = self.session.shelf.get(_KEY)
        yield Field(_("Path or URL"), value=value, id="source")
        yield Static("", markup=False)
        yield Act(_("Look again"), id="again")

    def on_mount(self) -> None:
        """Look at once."""
        super().on_mount()
        self._search()

    # ---- searching

    @on(Act.Pressed, "#again")
    def _search(self) -> None:
        if self.session.loader is None:
            self._state(_("A rehearsal loads no packs."))
            self.query_one("#found").display = False
            self.query_one("#source", Field).line.focus()
        elif not self._at_work:
            self._state(_("Looking through the attached media ..."))
            self._find()

    @work(thread=True, exclusive=True, group="find", exit_on_error=False)
    def _find(self) -> None:
        assert self.session.loader is not None
        try:
            self.post_message(self.Searched(self.session.loader.find()))
        except Error:
            self.post_message(self.Searched([]))

    @on(Searched)
    def _searched(self, message: Searched) -> None:
        rows = self.query_one("#found", Rows)
        rows.show_rows(Row(one.source, f"{one.source}  {one.label}".rstrip()) for one in message.found)
        rows.display = bool(message.found)
        if message.found:
            self._state(_("Packs on the attached media; Enter opens one:"))
            if self.focused is None or self.focused.id in ("found", "again"):
                rows.focus()
        else:
            self._state(_("No pack was found. Insert a stick or disc and look again, or name a path or URL."))
            if self.focused is None or not self.focused.display:
                self.query_one("#source", Field).line.focus()

    def _state(self, text: str) -> None:
        self.query_one("#state", Static).update(text)

    # ---- opening

    def changed(self, event: object) -> None:
        """Keep what was typed."""
        self.session.shelf[_KEY] = self.query_one("#source", Field).line.value.strip()
        self.say("")

    @on(Rows.Picked, "#found")
    def _picked(self, event: Rows.Picked) -> None:
        self._open(event.row.value)

    def on_next(self) -> None:
        """The named one; without a name the one at hand."""
        rows = self.query_one("#found", Rows)
        typed = str(self.session.shelf.get(_KEY) or "")
        if self.session.loader is None:
            self.say(_("A rehearsal loads no packs."), wrong=True)
        elif typed:
            self._open(typed)
        elif rows.display and rows.at_hand is not None:
            self._open(rows.at_hand.value)
        else:
            self.say(_("Name a path or URL, or insert a medium and look again."), wrong=True)

    def _open(self, source: str) -> None:
        if self._at_work:
            return
        self._at_work = True
        self.say(_("Reading the pack ..."))
        self._read(source)

    @work(thread=True, exclusive=True, group="open", exit_on_error=False)
    def _read(self, source: str) -> None:
        assert self.session.loader is not None
        try:
            self.post_message(self.Opened(self.session.loader.open(source, self._tell)))
        except Error as error:
            self.post_message(self.Opened(None, f"{error.message}; {error.hint}"))
        except OSError as error:
            self.post_message(self.Opened(None, f"{error.filename or source}: {error.strerror}"))

    def _tell(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.post_message(self.Told(_("Reading the pack ... {size}").format(size=format_size(event.done_bytes))))

    @on(Told)
    def _told_text(self, message: Told) -> None:
        if self._at_work:
            self.say(message.text)

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        self._at_work = False
        if message.pack is None:
            self.say(said(message.trouble), wrong=True)
        else:
            self.session.opened = message.pack
            self.finish()
