"""The management network's addresses, IPv4 and IPv6, and the proof that they work here."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Choice, Field, Row, Session, Step, _
from xeninstall.wizard.plain import in_plain_words
from xeninstall.wizard.proving import prove_now
from xeninstall.wizard.shelf import only

_FAMILIES = ("network.ipv4", "network.ipv6")


class Address(Step):
    """How the host gets its addresses."""

    NAME = "address"
    OWNS: ClassVar[tuple[str, ...]] = _FAMILIES
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "prove", show=False, priority=True)]

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Management network: addresses")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "DHCP gives this host an address by its card's MAC address; a static one stays whatever happens, and needs the "
            "prefix, such as 192.0.2.10/24 for the mask 255.255.255.0. The gateway is the router to other networks.\n\n"
            "IPv6 automatic: from router advertisements, or DHCPv6 where they say so. Nothing is lost where there is no IPv6.\n\n"
            "Prove it now (F5, ^T): takes the address for a moment on this very card and asks the network: link, DHCP lease or "
            "address conflict, gateway, DNS, NTP. No disk is touched, and afterwards the network is as it was."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        return f"IPv4 {_said(session, 'ipv4')}; IPv6 {_said(session, 'ipv6')}"

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        return in_plain_words(super().problems(session))

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Prove it"))]

    def body(self) -> ComposeResult:
        """See Step."""
        first = [Row("dhcp", "DHCP"), Row("static", _("static")), Row("none", _("no IPv4"))]
        yield from self._family("ipv4", "IPv4", first, "192.0.2.10/24", "192.0.2.1")
        yield Static("", markup=False)
        second = [Row("auto", _("automatic")), Row("static", _("static")), Row("none", _("no IPv6"))]
        yield from self._family("ipv6", "IPv6", second, "2001:db8::10/64", "fe80::1")
        yield Static("", markup=False)
        yield Act(_("Prove it now"), id="prove")

    def _family(self, name: str, title: str, rows: list[Row], address: str, gateway: str) -> ComposeResult:
        at = f"network.{name}"
        yield Static(title, classes="title", markup=False)
        yield Choice(rows, chosen=str(self.session.draft.get(f"{at}.method")), key=f"{at}.method", id=name)
        like = _("like {example}")
        label, hint = _("Address with prefix"), like.format(example=address)
        yield Field(label, key=f"{at}.address", value=self._entered(f"{at}.address"), hint=hint, id=f"{name}-address")
        label, hint = _("Gateway"), like.format(example=gateway)
        yield Field(label, key=f"{at}.gateway", value=self._entered(f"{at}.gateway"), hint=hint, id=f"{name}-gateway")

    def on_mount(self) -> None:
        """See Step."""
        self._show()
        super().on_mount()

    def after_change(self, key: str) -> None:
        """See Step."""
        if key.endswith(".method"):
            self._show()

    def _entered(self, key: str) -> object:
        return self.session.draft.get(key) or self.session.shelf.get(key)

    def _show(self) -> None:
        for at in _FAMILIES:
            static = self.session.draft.get(f"{at}.method") == "static"
            keys = (f"{at}.address", f"{at}.gateway")
            only(self.session, keys if static else (), keys)
            for part in ("address", "gateway"):
                self.query_one(f"#{at.rpartition('.')[2]}-{part}").display = static

    @on(Act.Pressed, "#prove")
    def action_prove(self) -> None:
        """When what is entered could work at all."""
        prove_now(self)


def _said(session: Session, family: str) -> str:
    at = f"network.{family}"
    method = session.draft.get(f"{at}.method")
    if method != "static":
        return {"dhcp": "DHCP", "auto": _("automatic"), "none": _("none")}.get(str(method), str(method))
    address, gateway = session.draft.get(f"{at}.address") or _("no address yet"), session.draft.get(f"{at}.gateway")
    return str(address) + (f", {_('gateway')} {gateway}" if gateway else "")
