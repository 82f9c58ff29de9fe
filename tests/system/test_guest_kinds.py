"""Old machines of several kinds do not start on virtio as they are; converted they do, and on AHCI, with network and root."""

import re
from pathlib import Path

import pytest

from .console import LOGIN_SECONDS, Console, ConsoleError
from .guest_disk import MAC, PASSWORD
from .guest_kinds import KINDS, Kind, converted
from .qemu import Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_starts_twice_when_it_was_converted_and_not_before(kind: Kind, tmp_path: Path) -> None:
    old = kind.make(tmp_path)
    with Machine([Disk(disk) for disk in old], kind.firmware, nics=[], memory_mib=1024, name=f"{kind.name} as it was") as machine:
        machine.console.expect(kind.broken, 300, fatal=False)
        with pytest.raises(ConsoleError):
            machine.console.expect("login: ", 15, fatal=False)
    new = converted(old, tmp_path / "new", kind.passphrase)
    for bus in ("virtio", "ahci"):
        disks = [Disk(disk, bus, snapshot=False) for disk in new]
        with Machine(disks, kind.firmware, nics=[UserNet(MAC)], memory_mib=1024, name=f"{kind.name} on {bus}") as machine:
            _open(kind, machine)
            _is_whole(kind, machine.console)
            machine.console.send("systemctl poweroff\n")
            machine.wait(180)


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
