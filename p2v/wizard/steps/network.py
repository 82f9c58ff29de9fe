"""The medium's own network, by which the target is reached: the installer's questions, for this machine as it runs now."""

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from xeninstall.base.errors import Error
from xeninstall.wizard.kit import Field, Session, _, said, words
from xeninstall.wizard.steps.address import Address
from xeninstall.wizard.steps.network import Network


class SourceNetwork(Network):
    """Card or bond, VLAN, MTU."""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Network: card")

    @classmethod
    def applies(cls, session: Session) -> bool:
        """The network of a system that is running already is not ours to change."""
        return (session.on_medium or session.rehearsal) and bool(session.machine.nics)

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The card over which this machine reaches the target, as long as it runs from the medium. Nothing of it is "
            "written to a disk. For a target that is attached to this machine, go on: nothing needs to be set.\n\n"
            "Link and speed are those of this moment: pull a cable, and see which line changes. F5 or ^T lets a card's light "
            "blink for some seconds.\n\n"
            "VLAN: the number of the network where the switch's port is tagged (trunk); empty where it is not."
        )


class SourceAddress(Address):
    """The addresses; going on sets them up."""

    OWNS = ("network.ipv4", "network.ipv6", "dns")

    @dataclass
    class Up(Message):
        """The network is there, or why it is not."""

        trouble: str

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Network: addresses")

    @classmethod
    def applies(cls, session: Session) -> bool:
        """See SourceNetwork."""
        return SourceNetwork.applies(session)

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Every card asks for an address by itself; where something answers, go on. A static address needs the prefix, "
            "such as 192.0.2.10/24 for the mask 255.255.255.0. DNS servers are needed for targets by name only, where DHCP "
            "names none.\n\n"
            "Going on sets the network up for as long as the medium runs.\n\n"
            "Prove it now (F5, ^T) asks the network: link, DHCP lease or address conflict, gateway, DNS."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        yield from super().body()
        servers = self.session.draft.get("dns.servers")
        yield Field(_("DNS servers"), key="dns.servers", value=servers, parse=words, hint=_("empty: from DHCP"), id="servers")

    def after_change(self, key: str) -> None:
        """See Step."""
        super().after_change(key)
        if key == "dns.servers":
            self.session.draft.set("dns.mode", "servers" if self.session.draft.get("dns.servers") else None)

    def on_next(self) -> None:
        """See Step."""
        if self.session.rehearsal:
            self.finish()
            return
        self.say(_("Setting the network up ..."))
        self._set_up()

    @work(thread=True, exclusive=True, group="network", exit_on_error=False)
    def _set_up(self) -> None:
        draft = self.session.draft
        try:
            self.session.use_network(draft.section("network"), draft.section("dns"))
            self.post_message(self.Up(""))
        except Error as error:
            self.post_message(self.Up(f"{error.message}; {error.hint}" if error.hint else error.message))

    @on(Up)
    def _is_up(self, message: Up) -> None:
        if message.trouble:
            self.say(said(message.trouble), wrong=True)
        else:
            self.finish()
