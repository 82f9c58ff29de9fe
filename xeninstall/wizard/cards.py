"""Network cards on the screen: a row each, links and speeds as they change, and a light that blinks on the card itself."""

from pathlib import Path
from typing import Any

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.machine.model import Machine, Nic

from .kit import Row, _

SYS = Path("/sys/class/net")
BLINK_SECONDS = 5

Link = tuple[bool | None, int | None]  # link (None: the card is down and cannot tell), speed in Mb/s


def known(machine: Machine) -> dict[str, Link]:
    """As the probe saw them, by name."""
    return {nic.name: (nic.link, nic.speed_mbps) for nic in machine.nics}


def now(machine: Machine, sys: Path | None = None) -> dict[str, Link]:
    """As the kernel sees them now. Reading may take a card's firmware a moment: for a worker."""
    return {nic.name: _link((sys or SYS) / nic.name) for nic in machine.nics}


def wake(machine: Machine, runner: Runner) -> None:
    """Set cards up that are down: only then they look for a link. For a machine that has nothing better to do."""
    for nic in machine.nics:
        if nic.link is None:
            runner.run(["ip", "link", "set", "dev", nic.name, "up"], check=False)


def blink(name: str, runner: Runner) -> str:
    """Let the card's light blink; what stood against it, or nothing. Takes BLINK_SECONDS."""
    try:
        done = runner.run(["ethtool", "-p", name, str(BLINK_SECONDS)], check=False)
    except Error as error:
        return f"{error.message}; {error.hint}"
    return "" if done.status == 0 else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


def rows(machine: Machine, links: dict[str, Link]) -> list[Row]:
    """One a card: name, link, driver, PCI address, MAC address. Its value is the MAC address, which stays when names change."""
    return [_row(nic, links.get(nic.name, (nic.link, nic.speed_mbps))) for nic in machine.nics]


def named(answer: Any, machine: Machine) -> Nic | None:  # noqa: ANN401 — what the draft holds
    """The card that an answer means, by name or MAC address."""
    wanted = str(answer).lower()
    return next((nic for nic in machine.nics if wanted in (nic.name.lower(), nic.mac)), None)


def link_text(link: Link) -> str:
    """`1 Gb/s`, `no link`, `is down`."""
    up, speed = link
    if up is None:
        return _("down")
    if not up:
        return _("no link")
    if speed is None:
        return _("link")
    return f"{speed / 1000:g} Gb/s" if speed >= 1000 else f"{speed} Mb/s"


def _row(nic: Nic, link: Link) -> Row:
    # A PCI domain other than 0000 is rare, and then worth its cells.
    pci = nic.pci.removeprefix("0000:")
    return Row(nic.mac, f"{nic.name:<16}{link_text(link):<11}{nic.driver[:12]:<13}{pci:<13}{nic.mac}")


def _link(folder: Path) -> Link:
    carrier = _number(folder / "carrier")  # unreadable while the card is down
    speed = _number(folder / "speed") if carrier == 1 else None
    return None if carrier is None else carrier == 1, speed if speed is not None and 0 < speed < 10_000_000 else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
