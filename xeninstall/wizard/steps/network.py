"""The management network's wire: which card or bond, VLAN and MTU. Links show as they are now; a card can be made to blink."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from xeninstall.answers.model import BondMode
from xeninstall.apply.proof.prove import interfaces
from xeninstall.machine.model import Nic
from xeninstall.wizard import cards
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Choice, Field, Picks, Row, Rows, Session, Step, _, whole_number, words
from xeninstall.wizard.plain import in_plain_words
from xeninstall.wizard.planning import findings
from xeninstall.wizard.shelf import bring_back, put_away

_NIC, _BOND, _MEMBERS, _MODE = "network.nic", "network.bond", "network.bond.members", "network.bond.mode"
_AUTO, _ONE = "auto", "one"
_LOOK_SECONDS = 1.0


class Network(Step):
    """Card or bond, VLAN, MTU."""

    NAME = "network"
    OWNS = (_NIC, _BOND, "network.vlan", "network.mtu")
    AUTO_FOCUS = "#nic, #nic-name Line, #next"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "blink", show=False, priority=True)]

    @dataclass
    class Links(Message):
        """Links or speeds changed."""

        links: dict[str, cards.Link]

    @dataclass
    class Blinked(Message):
        """The light went out again, or never went on."""

        name: str
        trouble: str

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Management network: card")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The card that this host is managed over; guests can use it too, through the bridge xenbr0. Link and speed are those "
            "of this moment: pull a cable, and see which line changes. F5 or ^T lets a card's light blink for some seconds.\n\n"
            "'Automatic' takes the card with the default route, else the first one with a link.\n\n"
            "Bond: several cards as one. active-backup works with every switch; 802.3ad (LACP) needs a switch that is set up "
            "for it, and uses all cards at once.\n\n"
            "VLAN: the number of the management network where the switch's port is tagged (trunk); empty where it is not. "
            "MTU: leave it empty for 1500; larger frames need switches that carry them."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        draft = session.draft
        members = draft.get(_MEMBERS)
        if draft.given(_BOND):
            names = ", ".join(_name(one, session) for one in members or ())
            said = f"{_('bond')} {draft.get(_MODE)}: {names}"
        else:
            nic = draft.get(_NIC)
            said = _("automatic") if nic == _AUTO else _name(nic, session)
        vlan, mtu = draft.get("network.vlan"), draft.get("network.mtu")
        return said + (f"; VLAN {vlan}" if vlan else "") + (f"; MTU {mtu}" if mtu else "")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        found = super().problems(session) + [one for one in findings(session) if one.within("network")]
        return in_plain_words(found)

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [] if self.session.onto_image else [("F5 ^T", _("Blink"))]

    def body(self) -> ComposeResult:
        """See Step."""
        draft, machine = self.session.draft, self.session.machine
        self._links = cards.known(machine)
        bond = draft.given(_BOND)
        modes = [
            Row(_ONE, _("one card")),
            Row(BondMode.ACTIVE_BACKUP, _("bond active-backup: one works, the others wait")),
            Row(BondMode.LACP, _("bond 802.3ad (LACP): all work, the switch must agree")),
        ]
        if self.session.onto_image:
            text = _("The image will run on a machine that is not known yet: name its cards, or leave that to the first boot.")
            yield Static(text, classes="text", markup=False)
            yield Static("", markup=False)
            yield Field(
                _("Card (name or MAC)"), key=_NIC, value=_or_empty(draft.get(_NIC)), id="nic-name", hint=_("empty: automatic")
            )
            yield Field(_("Cards of the bond"), key=_MEMBERS, value=draft.get(_MEMBERS), parse=words, id="member-names")
        else:
            if not machine.nics:
                text = _("This machine shows no network card. Load the driver of its card, then check the hardware again.")
                yield Static(text, classes="warning", markup=False)
            yield Choice(self._nic_rows(), chosen=self._chosen(), id="nic")
            marked = [nic.mac for one in draft.get(_MEMBERS) or () if (nic := cards.named(one, machine))]
            yield Picks(cards.rows(machine, self._links), marked=marked, id="members")
            yield Static("", id="model", markup=False)
        yield Static("", markup=False)
        yield Choice(modes, chosen=str(draft.get(_MODE)) if bond else _ONE, id="mode")
        yield Static("", markup=False)
        hint = _("1 to 4094; empty: untagged")
        yield Field("VLAN", key="network.vlan", value=draft.get("network.vlan"), parse=whole_number, hint=hint, id="vlan")
        hint = _("1280 to 9216; empty: 1500")
        yield Field("MTU", key="network.mtu", value=draft.get("network.mtu"), parse=whole_number, hint=hint, id="mtu")

    def on_mount(self) -> None:
        """Watch the links, at most once a second, and nothing is drawn while they stay as they are."""
        self._show()
        super().on_mount()
        if not self.session.rehearsal and not self.session.onto_image and self.session.machine.nics:
            self._watch(wake=self.session.on_medium)
            self.set_interval(_LOOK_SECONDS, self._watch)

    def changed(self, event: Changed) -> None:
        """See Step."""
        draft = self.session.draft
        match event.control.id:
            case "nic":
                self.write(_NIC, None if event.value == _AUTO else event.value)
            case "members":
                self.write(_MEMBERS, event.value)
            case "mode":
                if event.value == _ONE:
                    # The mode goes with it: a bond of no cards would be a mistake in the answers.
                    put_away(self.session, _MEMBERS)
                    draft.set(_BOND, None)
                    bring_back(self.session, _NIC)
                else:
                    put_away(self.session, _NIC)
                    bring_back(self.session, _MEMBERS)
                    draft.set(_MODE, str(event.value))
                    if not draft.given(_MEMBERS):
                        draft.set(_MEMBERS, [])
                self._show()

    def after_change(self, key: str) -> None:
        """See Step."""
        if key == _MEMBERS and self.session.draft.get(_MEMBERS) is None:
            self.session.draft.set(_MEMBERS, [])

    @on(Rows.Moved)
    def _moved(self, event: Rows.Moved) -> None:
        self._show_model()

    @on(Act.Pressed, "#blink")
    def action_blink(self) -> None:
        """The card at hand."""
        nic = self._at_hand()
        if self.session.rehearsal:
            self.say(_("In a rehearsal no light blinks."))
        elif nic is None:
            self.say(_("Move to the card that shall blink, then press F5 or ^T."))
        else:
            text = _("The light of {name} blinks for {seconds} seconds ...")
            self.say(text.format(name=nic.name, seconds=cards.BLINK_SECONDS))
            self._blink(nic.name)

    @work(thread=True, exclusive=True, group="blink", exit_on_error=False)
    def _blink(self, name: str) -> None:
        self.post_message(self.Blinked(name, cards.blink(name, self.session.runner)))

    @on(Blinked)
    def _blinked(self, message: Blinked) -> None:
        if message.trouble:
            text = _("The light of {name} cannot be made to blink: {why}")
            self.say(text.format(name=message.name, why=message.trouble), wrong=True)
        else:
            self.judge()

    @work(thread=True, exclusive=True, group="links", exit_on_error=False)
    def _watch(self, wake: bool = False) -> None:
        if wake:
            cards.wake(self.session.machine, self.session.runner)
        links = cards.now(self.session.machine)
        if links != self._links:
            self.post_message(self.Links(links))

    @on(Links)
    def _linked(self, message: Links) -> None:
        self._links = message.links
        self.query_one("#nic", Choice).show_rows(self._nic_rows())
        self.query_one("#members", Picks).show_rows(cards.rows(self.session.machine, self._links))

    def _nic_rows(self) -> list[Row]:
        automatic = _("automatic: the card with the default route, else one with a link")
        return [Row(_AUTO, automatic), *cards.rows(self.session.machine, self._links)]

    def _chosen(self) -> str | None:
        answer = self.session.draft.get(_NIC)
        found = cards.named(answer, self.session.machine)
        return found.mac if found else _AUTO if answer == _AUTO else None

    def _at_hand(self) -> Nic | None:
        shown = "#members" if self.session.draft.given(_BOND) else "#nic"
        row = next((rows.at_hand for rows in self.query(shown).results(Rows)), None)
        return cards.named(row.value, self.session.machine) if row else None

    def _show(self) -> None:
        bond = self.session.draft.given(_BOND)
        for one in self.query("#nic, #nic-name"):
            one.display = not bond
        for one in self.query("#members, #member-names"):
            one.display = bond
        self._show_model()

    def _show_model(self) -> None:
        nic = self._at_hand()
        for text in self.query("#model").results(Static):
            text.update(nic.model[:76] if nic else self._automatic())

    def _automatic(self) -> str:
        if self.session.draft.given(_BOND):
            return ""
        now = interfaces(self.session.draft.section("network"), self.session.machine)
        chosen = self.session.draft.get(_NIC) == _AUTO
        return _("That is {name} now.").format(name=now[0]) if chosen and now else ""


def _or_empty(nic: object) -> object:
    return None if nic == _AUTO else nic


def _name(answer: object, session: Session) -> str:
    nic = None if session.onto_image else cards.named(answer, session.machine)
    return f"{nic.name} ({nic.mac})" if nic else str(answer)
