"""Name resolution: servers that DHCP names, servers of one's own, or this host as the DNS server of its network."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Choice, Field, Row, Session, Step, _, words
from xeninstall.wizard.plain import in_plain_words
from xeninstall.wizard.proving import prove_now
from xeninstall.wizard.shelf import only

_SERVERS, _FORWARDERS = "dns.servers", "dns.forwarders"
_LISTS = (_SERVERS, _FORWARDERS)


class Dns(Step):
    """Who answers this host's questions for names."""

    NAME = "dns"
    OWNS = ("dns",)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "prove", show=False, priority=True)]

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("DNS")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "DNS turns names into addresses. In a network with DHCP, leave it to DHCP.\n\n"
            "Own servers: up to eight addresses, separated by blanks, asked in this order.\n\n"
            "This host serves DNS: it answers the machines of its network itself (dnsmasq on the management address, port 53), "
            "knows the names in its /etc/hosts, and sends all other questions to the forwarders.\n\n"
            "Search domains are tried behind short names: with example.org, 'ssh nas' finds nas.example.org."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        draft = session.draft
        said = {
            "dhcp": _("servers from DHCP"),
            "servers": _joined(draft.get(_SERVERS)),
            "serve": _("this host serves DNS, and asks {forwarders}").format(forwarders=_joined(draft.get(_FORWARDERS))),
        }.get(draft.get("dns.mode"), "")
        search = draft.get("dns.search")
        return f"{said}; {_('search')} {_joined(search)}" if search else said

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        return in_plain_words(super().problems(session))

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Prove it"))]

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        yield Static(_("Where shall this host ask for names?"), classes="text", markup=False)
        modes = [
            Row("dhcp", _("servers that DHCP or the IPv6 router names")),
            Row("servers", _("these servers")),
            Row("serve", _("this host serves DNS to its network, and asks others itself")),
        ]
        yield Choice(modes, chosen=draft.get("dns.mode"), key="dns.mode", id="mode")
        yield Static("", markup=False)
        yield Field(_("DNS servers"), key=_SERVERS, value=self._entered(_SERVERS), parse=words, id="servers")
        yield Field(_("Forwarders"), key=_FORWARDERS, value=self._entered(_FORWARDERS), parse=words, id="forwarders")
        hint = _("may be empty")
        yield Field(_("Search domains"), key="dns.search", value=draft.get("dns.search"), parse=words, hint=hint, id="search")

    def on_mount(self) -> None:
        """See Step."""
        self._show()
        super().on_mount()

    def after_change(self, key: str) -> None:
        """See Step."""
        if key == "dns.mode":
            self._show()

    def action_prove(self) -> None:
        """The whole network again, now with these servers."""
        prove_now(self)

    def _entered(self, key: str) -> object:
        """Also what is out of force: it shows when its mode is chosen."""
        return self.session.draft.get(key) or self.session.shelf.get(key)

    def _show(self) -> None:
        mode = self.session.draft.get("dns.mode")
        wanted = {"servers": (_SERVERS,), "serve": (_FORWARDERS,)}.get(mode, ())
        only(self.session, wanted, _LISTS)
        self.query_one("#servers").display = mode == "servers"
        self.query_one("#forwarders").display = mode == "serve"


def _joined(value: object) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value or "")
