"""Time zone: region and city, or a word to search by. Nothing is guessed but from the keyboard's country."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from xeninstall.wizard.kit import Changed, Choice, Field, Row, Rows, Session, Step, _, counted, only_hit, unsettled
from xeninstall.wizard.zones import UTC_ZONE, Zone, offset, suggested, zones

_KEY = "time.zone"
_ALL = "*"


class TimeZone(Step):
    """Where the host is."""

    NAME = "zone"
    OWNS = ("time.zone",)
    AUTO_FOCUS = "#search Line"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "to('#regions')", show=False),
        Binding("left", "to('#zones')", show=False),
    ]

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Time zone")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Type a part of a city's or a country's name and move to it with the arrow keys; Enter chooses. Or go to the regions "
            "with the right arrow key or Tab; Enter on a region goes back to its cities.\n\n"
            "The zone decides how times are shown; the clock itself runs in UTC. Etc/UTC is a good choice for hosts that stand "
            "in several countries.\n\n"
            "The first suggestion is the zone of the keyboard's country; nobody was asked over the network."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        name = str(session.draft.get(_KEY))
        shift = offset(name)
        return f"{name} ({shift})" if shift else name

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        if not draft.given(_KEY):
            draft.set(_KEY, suggested(str(draft.get("keyboard.layout"))))
        chosen = str(draft.get(_KEY))
        yield Field(_("Search a place"), id="search", hint=_count(len(zones())))
        with Horizontal(id="places"):
            yield Choice(_zone_rows("", _ALL), chosen=chosen, id="zones")
            yield Rows(_region_rows(), id="regions")
        yield Static(self._at_hand(chosen), id="chosen", markup=False)

    def on_mount(self) -> None:
        """The chosen zone in view."""
        chosen = str(self.session.draft.get(_KEY))
        self.query_one("#zones", Choice).show_rows(_zone_rows("", _ALL), at=chosen)
        super().on_mount()

    @on(Rows.Moved, "#regions")
    def _region(self, event: Rows.Moved) -> None:
        searched = self.query_one("#search", Field).line
        with searched.prevent(Input.Changed):
            searched.value = ""  # it says nothing of what is shown now
        self._show("", event.row.value)

    @on(Rows.Picked, "#regions")
    def _into(self, event: Rows.Picked) -> None:
        self.query_one("#zones").focus()

    def action_to(self, found: str) -> None:
        """From one list to the other."""
        self.query_one(found).focus()

    def changed(self, event: Changed) -> None:
        """See Step."""
        if event.control.id == "search":
            self._show(str(event.value or ""), _ALL)
        elif event.control.id == "zones":
            self.write(_KEY, event.value)
            self.query_one("#chosen", Static).update(self._at_hand(str(event.value)))

    def on_next(self) -> None:
        """See Step. The only zone that a search found is meant."""
        searched, found = self.query_one("#search", Field), self.query_one("#zones", Choice)
        if hit := only_hit(searched, found):
            self.write(_KEY, hit)
        elif why := unsettled(searched, found):
            self.say(why, wrong=True)
            searched.line.focus()
            return
        self.finish()

    def _show(self, searched: str, region: str) -> None:
        rows = _zone_rows(searched, region)
        found = self.query_one("#zones", Choice)
        # Enter in the search line goes on to the lists; the first row found is at hand there.
        found.show_rows(rows, at=rows[0].value if rows else None)
        self.query_one("#search .hint", Static).update(_count(len(rows)))

    def _at_hand(self, name: str) -> str:
        shift = offset(name)
        return _("Chosen: {zone}").format(zone=f"{name}  {shift}".rstrip())


def _count(number: int) -> str:
    return counted("{n} zone", "{n} zones", number)


def _region_rows() -> list[Row]:
    names = sorted({zone.region for zone in zones() if zone.name != UTC_ZONE})
    return [Row(_ALL, _("All regions")), *(Row(name, _(name)) for name in names), Row("Etc", "UTC")]


def _zone_rows(searched: str, region: str) -> list[Row]:
    wanted = searched.lower().split()
    shown = [(zone, _text(zone)) for zone in zones() if region in (_ALL, zone.region)]
    hits = [(zone, text) for zone, text in shown if all(word in f"{_searchable(zone)} {text}".lower() for word in wanted)]
    return [Row(zone.name, text) for zone, text in hits]


def _text(zone: Zone) -> str:
    more = " ..." if len(zone.countries) > 1 else ""
    return f"{zone.name:<30}  {_(zone.countries[0]) + more if zone.countries else ''}".rstrip()


def _searchable(zone: Zone) -> str:
    return f"{zone.city} {' '.join(zone.countries)} {' '.join(_(one) for one in zone.countries)} {zone.part}"
