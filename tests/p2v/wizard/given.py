"""Sessions of the convert flow: on recorded machines, and on one whose disk is a real image of a small system."""

from pathlib import Path
from typing import Any

from p2v.pace import Pace
from p2v.preflight import Finding, Preflight, Severity
from p2v.repaired import Looked
from p2v.wizard.looking import OnDisk, found, key_of
from tests.p2v.guest.real_disks import OLD_RELEASE, ext4, gpt, tree
from tests.p2v.luks import luks1
from tests.wizard.driving import machine, session
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Disk
from xeninstall.wizard.kit import Session

_PACES = (Pace("the disks, measured", 180e6), Pace("/srv/machines, measured", 79e6))
ANSWERS: dict[str, Any] = {
    "flow": "convert",
    "convert": {"name": "old-server", "target": "LABEL=BACKUP:/machines", "source": [{"serial": "S4YNNE0M100001"}]},
}


def recorded(name: str = "foreign-xenvms", **convert: Any) -> Session:
    """A session on a recorded machine whose disks were looked at, with answers to everything."""
    given = session(name, data={"flow": "convert", "convert": {"name": "old-server", "target": "/srv/machines"} | convert})
    disks = [disk for disk in given.machine.disks if not disk.removable]
    found(given).disks = {
        disk.path: OnDisk(("Debian GNU/Linux, 12 (bookworm) (old)",), ("old",), 7 << 30)
        if number == 0
        else OnDisk(trouble=f"{disk.path} is in use: /srv mounted for writing, so it changes while it is copied")
        for number, disk in enumerate(disks)
    }
    return given


def judged(given: Session, *findings: Finding) -> Session:
    """The same, with a look before the conversion that found these."""
    usual = (
        Finding(Severity.GOOD, "Debian GNU/Linux 12 (bookworm)", "it can be repaired"),
        Finding(Severity.GOOD, "/srv/machines", "it has 800 GiB left, which is enough"),
    )
    made = Preflight((*findings, *usual), Looked((), ()), 7 << 30, 7 << 30, 800 << 30, 95.0, _PACES, 95.0)
    found(given).verdicts = {key_of(given): made}
    return given


def real(folder: Path, passphrase: str = "", **changes: Any) -> tuple[Session, Path]:
    """A machine whose only disk is an image of an old Debian, by name at least, and the image; encrypted with a passphrase."""
    described = OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/hostname\nold-box\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n"
    ext4(folder / "root", tree(folder / "t", described), 24)
    image = folder / "old.img"
    if passphrase:
        luks1(folder / "root", folder / "closed", passphrase)
    gpt(image, [("L", folder / ("closed" if passphrase else "root"))])
    disk = Disk(path=str(image), serial="OLD1", size_bytes=image.stat().st_size, bus="sata", model="Old Disk")
    changed = machine("nvme").model_copy(update={"disks": (disk,)})
    return session(machine=changed, runner=SystemRunner(), **changes), image
