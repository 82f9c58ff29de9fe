"""What can be set: the wizard's own steps, each followed by the screen that applies it."""

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.wizard.flow import Flow
from xeninstall.wizard.kit import Act, Field, _
from xeninstall.wizard.steps.address import Address
from xeninstall.wizard.steps.dns import Dns
from xeninstall.wizard.steps.host import Host
from xeninstall.wizard.steps.keyboard import Keyboard
from xeninstall.wizard.steps.network import Network
from xeninstall.wizard.steps.packages import Packages
from xeninstall.wizard.steps.root import Root
from xeninstall.wizard.steps.time import Time
from xeninstall.wizard.steps.zone import TimeZone

from .applying import CONFIRM, Apply
from .confirm import Confirm
from .logs import Logs
from .packs import PACKS, HostFindPack, HostLoadPack, HostPacks
from .power import Power
from .session import SetupSession
from .status import Status


class HostKeyboard(Keyboard):
    """Here it is one setting of several, and has a way back."""

    HAS_BACK = True


class HostRoot(Root):
    """A password that is typed and taken back again leaves the one that the host has."""

    def _typed(self) -> None:
        super()._typed()
        if not any(self.query_one(f"#{name}", Field).line.value for name in ("password", "again")):
            assert isinstance(self.session, SetupSession)
            self.session.draft.set("root.password_hash", self.session.current.data.get("root", {}).get("password_hash"))
            self.query_one("#strength", Static).update(self._password_state())
            self.judge()


class HostPackages(Packages):
    """By apt, since the medium is far."""

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What the host has is marked and stays; a set that is marked beside it is downloaded and installed by apt, which "
            "needs Debian's archive to be reachable. Take a set out with apt, by its packages.\n\n"
            "'Packs' shows which packs of drivers and others the host has, and loads further ones."
        )

    def body(self) -> ComposeResult:
        """See Step."""
        yield from super().body()
        yield Act(_("Packs ..."), id="packs")

    @on(Act.Pressed, "#packs")
    def _packs(self) -> None:
        assert isinstance(self.session, SetupSession)
        if self.session.host.changes(self.session.draft).empty:
            self.post_message(self.Open(PACKS))
        else:
            self.say(_("First apply the sets that are marked, or take their marks away."), wrong=True)


def _nothing() -> str:
    return ""


def _flow(name: str, title: Callable[[], str], *steps: type) -> Flow:
    return Flow(name, title, _nothing, steps)


STATUS = _flow("status", _nothing, Status)
LOADING = _flow(PACKS, lambda: _("Packs"), HostPacks, HostFindPack, HostLoadPack)
CONFIRMING = _flow(CONFIRM, _nothing, Confirm)
SETTINGS = (
    _flow("keyboard", lambda: _("Language and keyboard"), HostKeyboard, Apply),
    _flow("root", lambda: _("Root password and SSH keys"), HostRoot, Apply),
    _flow("network", lambda: _("Management network"), Network, Address, Apply),
    _flow("host", lambda: _("Host name and DNS"), Host, Dns, Apply),
    _flow("time", lambda: _("Time zone and NTP"), TimeZone, Time, Apply),
    _flow("packages", lambda: _("Packages and packs"), HostPackages, Apply),
    _flow("logs", lambda: _("Logs"), Logs),
    _flow("power", lambda: _("Reboot and shutdown"), Power),
)
