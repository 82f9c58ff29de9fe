"""Package sets: what each is for and how much room it takes. They lie on the medium; nothing is downloaded."""

from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.answers.model import PackageSet
from xeninstall.base.sizes import format_size
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Picks, Row, Session, Step, _

_KEY = "packages.sets"


class Packages(Step):
    """Which sets."""

    NAME = "packages"
    OWNS = ("packages",)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Packages")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The base is a whole Xen host: hypervisor, tools, network, SSH, firewall. The sets add to it; all of them are on the "
            "medium, and nothing is downloaded. Sizes are what the packages take on the disk.\n\n"
            "Take Linux guests when you want to make Debian or Ubuntu guests on the host itself, storage when VM disks shall lie "
            "on NFS or iSCSI. What is left out can be installed later with apt."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        chosen = _chosen(session)
        size = _bytes(session, chosen)
        return ", ".join(chosen) + (f"; {format_size(size)}" if size else "")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        lacking = [name for name in _chosen(session) if name != PackageSet.BASE and name not in session.image.sets]
        held = ", ".join(["base", *sorted(session.image.sets)])
        return super().problems(session) + [
            Problem(_KEY, f"this system image does not hold the set {name}; it holds: {held}") for name in lacking
        ]

    def body(self) -> ComposeResult:
        """See Step."""
        chosen = _chosen(self.session)
        yield Static(_("What shall the host have beside Xen?"), classes="text", markup=False)
        yield Static("", markup=False)
        yield Picks(
            self._rows(chosen), marked=chosen, fixed=[PackageSet.BASE.value, *self.session.kept_sets], key=_KEY, id="sets"
        )
        yield Static(self._total(), id="total", classes="text gap", markup=False)

    def after_change(self, key: str) -> None:
        """See Step."""
        self.query_one("#total", Static).update(self._total())

    def _rows(self, chosen: list[str]) -> list[Row]:
        return [self._row(name.value, name.value in chosen) for name in PackageSet]

    def _row(self, name: str, chosen: bool) -> Row:
        title, about = _abouts()[name]
        known = name == PackageSet.BASE or name in self.session.image.sets
        room = _bytes(self.session, [name])
        size = format_size(room) if known and room else ""
        # One that an answer file asked for must be possible to take out again.
        why_not = "" if known or chosen else _("this system image does not hold it")
        return Row(name, f"{title:<30}{size:>12}", (about,), why_not)

    def _total(self) -> str:
        room = _bytes(self.session, _chosen(self.session))
        return _("Together: {size} on the disk").format(size=format_size(room)) if room else ""


def _chosen(session: Session) -> list[str]:
    value = session.draft.get(_KEY)
    return [PackageSet.BASE.value, *(str(one) for one in value if one != PackageSet.BASE)] if isinstance(value, list) else []


def _bytes(session: Session, names: list[str]) -> int:
    image = session.image
    base = image.unpacked_bytes if PackageSet.BASE in names else 0
    return base + sum(image.sets[name].unpacked_bytes for name in names if name in image.sets)


def _abouts() -> dict[str, tuple[str, str]]:
    return {
        "base": (_("Xen host (always)"), _("hypervisor, tools, network, SSH, firewall, firmware of cards")),
        "linux-guests": (_("Linux guests"), _("debootstrap and templates: make Debian and Ubuntu guests here")),
        "storage": (_("Shared storage"), _("NFS, iSCSI and multipath: VM disks on other machines")),
        "pool": (_("Pool of hosts"), _("Ganeti and DRBD: several hosts as one, with live migration")),
        "monitoring": (_("Monitoring"), _("Prometheus exporter, sensors, sysstat, IPMI, htop")),
    }
