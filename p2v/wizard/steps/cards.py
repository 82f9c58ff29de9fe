"""The network cards: which bridge of the host each is attached to. They keep their MAC addresses."""

from typing import Any

from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.machine.model import Nic
from xeninstall.wizard.kit import Field, Session, Step, _

_ALL, _NICS = "convert.bridge", "convert.nics"


class Cards(Step):
    """Card → bridge."""

    NAME = "cards"
    OWNS = (_ALL, _NICS)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Network cards")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Each card of this machine becomes one of the virtual machine, with the same MAC address, so that leases, "
            "licences and the system's own settings go on to work. Beside it stands the bridge of the host that it is "
            "attached to: xenbr0 on a host that this installer made.\n\n"
            "A card whose line is empty gets the bridge of the first line."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        named = [f"{one.get('nic')}: {one.get('bridge')}" for one in session.draft.get(_NICS) or () if isinstance(one, dict)]
        return "; ".join([str(session.draft.get(_ALL)), *named])

    def body(self) -> ComposeResult:
        """See Step."""
        draft, nics = self.session.draft, self.session.machine.nics
        if not nics:
            yield Static(_("This machine has no network card, and the virtual machine gets none."), classes="text", markup=False)
            return
        yield Static(_("Which bridge of the host is each card attached to?"), classes="text", markup=False)
        yield Static("")
        yield Field(_("Bridge for all"), key=_ALL, value=draft.get(_ALL), fresh=not draft.given(_ALL), id="bridge")
        yield Static("")
        for number, nic in enumerate(nics):
            address = next(iter(nic.addresses), "")
            hint = f"{nic.mac}  {address}".rstrip()
            yield Field(nic.name, key=f"{_NICS}#{number}", value=_bridge_of(draft.get(_NICS), nic), hint=hint, id=f"nic{number}")

    def write(self, key: str, value: object) -> None:
        """See Form. The cards' lines are one list of the answers: those that say something."""
        if not key.startswith(f"{_NICS}#"):
            super().write(key, value)
            return
        nics = self.session.machine.nics
        lines = {nic.mac: _bridge_of(self.session.draft.get(_NICS), nic) for nic in nics}
        lines[nics[int(key.rpartition("#")[2])].mac] = value
        chosen = [{"nic": mac, "bridge": bridge} for mac, bridge in lines.items() if bridge]
        super().write(_NICS, chosen or None)


def _bridge_of(lines: Any, nic: Nic) -> object:  # noqa: ANN401 — what the draft holds
    given = [one for one in lines or () if isinstance(one, dict)]
    return next((one.get("bridge") for one in given if one.get("nic") in (nic.mac, nic.name)), None)
