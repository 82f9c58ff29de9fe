"""Language and keyboard: the first screen. The layout works from the moment it is chosen, and there is a line to try it on."""

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.wizard import xkb
from xeninstall.wizard.kit import Changed, Choice, Field, Row, Session, Step, _, counted, only_hit, unsettled
from xeninstall.wizard.kit.language import LANGUAGES, current, switch


def _name(layout: xkb.Layout) -> str:
    return f"{layout.layout} {layout.variant}".rstrip()


class Keyboard(Step):
    """Language, layout and variant."""

    NAME = "keyboard"
    OWNS = ("keyboard",)
    HAS_BACK = False
    AUTO_FOCUS = "#search Line"

    @dataclass
    class Applied(Message):
        """The console was given a layout, or could not be."""

        trouble: str

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Language and keyboard")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The language is that of this wizard. The keyboard layout is that of this console from now on, and of the "
            "installed host, also while it asks for something before its disks are there.\n\n"
            "Type a part of a name to search: 'german', 'de', 'dvorak'. Arrow keys move, Enter chooses. Try the keys that you "
            "need for your password on the last line; nothing typed there is kept.\n\n"
            "Over SSH or a serial line the keyboard belongs to your own computer; the choice is for the host's console."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        layout, variant = session.draft.get("keyboard.layout"), session.draft.get("keyboard.variant") or ""
        found = [one.title for one in xkb.layouts() if (one.layout, one.variant) == (layout, variant)]
        return f"{layout} {variant}".rstrip() + (f", {found[0]}" if found else "")

    def body(self) -> ComposeResult:
        """See Step."""
        yield Choice([Row(code, title) for code, title in LANGUAGES.items()], chosen=current(), id="language")
        yield Field(_("Search a keyboard"), id="search", hint=self._count(len(xkb.layouts())))
        draft = self.session.draft
        chosen = f"{draft.get('keyboard.layout')} {draft.get('keyboard.variant') or ''}".rstrip()
        yield Choice(self._rows(""), chosen=chosen, id="layouts")
        yield Field(_("Try the keys here"), id="try")

    def on_mount(self) -> None:
        """The chosen layout in view."""
        self.query_one("#layouts", Choice).show_rows(self._rows(""))

    def _rows(self, searched: str) -> list[Row]:
        wanted = searched.lower().split()
        found = [one for one in xkb.layouts() if all(word in f"{_name(one)} {one.title}".lower() for word in wanted)]
        # Whoever types `de` means German before Swedish, and who types `german` means it before Austria's.
        found.sort(key=lambda one: (one.layout not in wanted, one.title.lower().split() != wanted))
        return [Row(_name(one), f"{_name(one):<26} {one.title}") for one in found]

    def _count(self, number: int) -> str:
        return counted("{n} layout", "{n} layouts", number)

    def changed(self, event: Changed) -> None:
        """See Step."""
        match event.control.id:
            case "language":
                switch(str(event.value))
                self.post_message(self.Redraw(self))
            case "search":
                rows = self._rows(str(event.value or ""))
                self.query_one("#layouts", Choice).show_rows(rows)
                self.query_one("#search .hint", Static).update(self._count(len(rows)))
            case "layouts":
                self._choose(str(event.value))

    def on_next(self) -> None:
        """See Step. The only layout that a search found is meant."""
        searched, found = self.query_one("#search", Field), self.query_one("#layouts", Choice)
        if hit := only_hit(searched, found):
            self._choose(hit)
        elif why := unsettled(searched, found):
            self.say(why, wrong=True)
            searched.line.focus()
            return
        self.finish()

    def _choose(self, name: str) -> None:
        chosen = next(one for one in xkb.layouts() if _name(one) == name)
        self.session.draft.set("keyboard.layout", chosen.layout)
        self.session.draft.set("keyboard.variant", chosen.variant or None)
        self.say(_("Chosen: {title}").format(title=chosen.title))
        if self.session.console:
            self._apply(chosen)

    @work(thread=True, exclusive=True, group="keyboard", exit_on_error=False)
    def _apply(self, chosen: xkb.Layout) -> None:
        try:
            xkb.apply(chosen, self.session.runner)
        except Error as error:
            self.post_message(self.Applied(error.message))

    @on(Applied)
    def _applied(self, message: Applied) -> None:
        why = _("This console could not be given the layout ({why}); the installed host will have it.")
        self.say(why.format(why=message.trouble.splitlines()[0][:60]))
