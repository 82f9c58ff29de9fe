"""Old machines of several kinds do not start on virtio as they are; converted they do, twice, with network and root."""

import re
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import sha
from xeninstall.machine.model import Machine as Inventory
from xeninstall.machine.model import Nic

from .console import LOGIN_SECONDS, Console, ConsoleError
from .guest_disk import MAC, PASSWORD
from .guest_kinds import KINDS, Kind
from .qemu import Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_starts_twice_when_it_was_converted_and_not_before(kind: Kind, tmp_path: Path) -> None:
    old = kind.make(tmp_path)
    with Machine([Disk(disk) for disk in old], kind.firmware, nics=[], memory_mib=1024, name=f"{kind.name} as it was") as machine:
        machine.console.expect(kind.broken, 300, fatal=False)
        with pytest.raises(ConsoleError):
            machine.console.expect("login: ", 15, fatal=False)
    new = _converted(kind, old, tmp_path / "new")
    for disk in old:
        disk.unlink()
    for start in ("first", "second"):
        disks = [Disk(disk, kind.bus, snapshot=False) for disk in new]
        with Machine(disks, kind.firmware, nics=[UserNet(MAC)], memory_mib=1024, name=f"{kind.name}, {start} start") as machine:
            _open(kind, machine)
            _is_whole(kind, machine.console)
            machine.console.send("systemctl poweroff\n")
            machine.wait(180)


def _converted(kind: Kind, old: list[Path], place: Path) -> list[Path]:
    """The repaired images; the old disks have the same digests after."""
    place.mkdir()
    recorded = Inventory.from_json(_RECORDED.read_text())
    (place / "machine.json").write_text(recorded.model_copy(update={"nics": (Nic(name="eno7", mac=MAC),)}).to_json())
    (place / "passphrase").write_text(f"{kind.passphrase}\n")
    before = [sha(disk) for disk in old]
    unlock = ["--unlock", f"file:{place}/passphrase"] if kind.passphrase else []
    machine = ["--machine", f"{place}/machine.json", *unlock]
    assert main(["convert", *map(str, old), "--repair", *machine, "--format", "raw", "--to", str(place)]) == 0
    assert [sha(disk) for disk in old] == before
    return [place / disk.name for disk in old]


def _open(kind: Kind, machine: Machine) -> None:
    """Type the passphrase where it is asked for: on the serial line, or unseen on the keyboard until the system starts."""
    if not kind.passphrase:
        return
    for _ in range(30):
        for sign in kind.passphrase:
            machine.monitor(f"sendkey {'spc' if sign == ' ' else sign}")
            machine.console.listen(0.3)
        machine.monitor("sendkey ret")
        try:
            if "unlock" not in machine.console.expect(r"Please unlock disk|systemd\[1\]: |Welcome to ", 15)[0]:
                return
            machine.console.send(f"{kind.passphrase}\n")
        except ConsoleError:
            assert machine.running()
    raise AssertionError("the passphrase opened nothing")


def _is_whole(kind: Kind, console: Console) -> None:
    console.login("root", PASSWORD, LOGIN_SECONDS)
    console.run("systemctl is-system-running --wait", 240)
    assert console.check("systemctl list-units --failed --plain --no-legend") == ""
    root = " ".join(console.check("findmnt -no SOURCE,FSTYPE /").split())
    assert re.fullmatch(kind.root, root), root
    assert "192.0.2.77/24" in console.check("ip -4 -br addr show eno7")
    assert "default via 192.0.2.1 dev eno7" in console.check("ip -4 route")
    assert MAC in console.check("cat /sys/class/net/eno7/address")
    assert console.check("ls /var/lib/p2v/undo")
    if kind.name == "mirror":
        assert "[2/2] [UU]" in console.check("cat /proc/mdstat")
    if kind.name == "btrfs":
        assert console.check("cat /home/kept") == "kept"
