"""The host's name. The example that other steps are written after."""

from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.wizard.kit import Field, Session, Step, _


class Host(Step):
    """Name and domain."""

    NAME = "host"
    OWNS = ("host",)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Host name")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The name that this host calls itself, and by which others find it: one label of letters, digits and hyphens, "
            "such as xen1.\n\n"
            "The domain is what stands behind it in the DNS, such as example.org. Leave it empty when there is none."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        name, domain = session.draft.get("host.name"), session.draft.get("host.domain")
        return f"{name}.{domain}" if domain else str(name)

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        yield Static(_("What shall this host be called?"), classes="text", markup=False)
        fresh = not draft.given("host.name")
        yield Field(_("Host name"), key="host.name", value=draft.get("host.name"), fresh=fresh, id="name")
        yield Field(_("Domain"), key="host.domain", value=draft.get("host.domain"), id="domain", hint=_("may be empty"))
