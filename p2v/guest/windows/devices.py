"""What a repaired Windows has drivers for: virtio where it has them or they were supplied, else what it brings along itself."""

from collections.abc import Sequence

from ..model import Traits
from .model import Change, SetValue, Windows

_BOOT = 0


def devices(guest: Windows, changes: Sequence[Change]) -> Traits:
    """After these changes. A disk without a driver at boot is stop error 0x7B; a card can wait for the first start."""
    return Traits(
        virtio_disks=_at_boot("viostor", guest, changes),
        virtio_cards=guest.system.has(guest.service("netkvm")) or _installed_at_first_boot("netkvm.inf", guest),
        ahci=any(guest.system.has(guest.service(name)) for name in ("msahci", "storahci")),
        card=_card(guest.version),
    )


def _at_boot(service: str, guest: Windows, changes: Sequence[Change]) -> bool:
    key = guest.service(service)
    start = guest.system.value(key, "Start")
    for change in changes:
        if isinstance(change, SetValue) and change.key == key and change.name == "Start":
            start = change.value
    return start is not None and start.number == _BOOT


def _installed_at_first_boot(inf: str, guest: Windows) -> bool:
    return guest.version >= (6, 0) and any(package.name.lower() == inf for package in guest.packages)


def _card(version: tuple[int, int]) -> str:
    """The newest for which the system itself brings a driver (in libosinfo's list of its devices)."""
    if version < (6, 0):
        return "rtl8139"
    return "e1000" if version < (6, 2) else "e1000e"
