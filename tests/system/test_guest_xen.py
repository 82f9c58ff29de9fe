"""Old machines, converted, run on an installed host by the product's definition: as PV, as PVH, and one as HVM."""

import base64
import re
import shutil
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2v.vm.model import Mode

from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .guest_disk import MAC, make_guest
from .guest_disk import PASSWORD as GUEST_PASSWORD
from .guest_kinds import KINDS, converted
from .guest_lvm import make_lvm_guest
from .qemu import NESTING, Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_NAME = "converted"
_LOGIN_SECONDS = {Mode.PV: 900, Mode.PVH: 2400, Mode.HVM: 2400}
_LEAVE = "\x1d"  # Ctrl+]: out of xl console


@dataclass(frozen=True)
class Old:
    """An old machine. `root` is what findmnt says of it as a guest."""

    make: Callable[[Path], list[Path]]
    root: str
    swap: str = ""
    passphrase: str = ""


_KIND = {kind.name: kind for kind in KINDS}
MACHINES = {
    "ext4": Old(lambda folder: [make_guest(folder, "bios").path], r"/dev/xvda1 ext4", swap="/dev/xvda2"),
    "mirror": Old(_KIND["mirror"].make, r"/dev/md\d+ ext4"),
    "luks": Old(_KIND["luks"].make, _KIND["luks"].root, passphrase=_KIND["luks"].passphrase),
    "lvm": Old(lambda folder: [make_lvm_guest(folder).path], r"/dev/mapper/vg\w+-root xfs"),
    "btrfs": Old(_KIND["btrfs"].make, r"/dev/xvda2\[/@rootfs\] btrfs"),
}
STARTS = [
    ("ext4", Mode.PV),
    ("mirror", Mode.PV),
    ("luks", Mode.PV),
    ("lvm", Mode.PV),
    ("ext4", Mode.PVH),
    ("btrfs", Mode.PVH),
    ("ext4", Mode.HVM),
]
RESTARTED = [("ext4", Mode.PV), ("ext4", Mode.PVH)]


@dataclass(frozen=True)
class Host:
    """dom0's console, root logged in; and the definition of each machine, with its disks as they are called there."""

    console: Console
    definitions: dict[tuple[str, Mode], str]


def _called(start: tuple[str, Mode]) -> str:
    """As pytest names the test of it."""
    return "-".join(start)


def defined(name: str, mode: Mode, place: Path, before: int) -> tuple[list[Path], str]:
    """Converted and defined by the command; its disks come after so many others on the host."""
    old, new = MACHINES[name], place / "new"
    made = converted(old.make(place), new, old.passphrase, ["--define", "--mode", mode, "--name", _NAME])
    text = (new / f"{_NAME}.cfg").read_text()
    for number, disk in enumerate(made, before):
        text = text.replace(f"target={disk}", f"target=/dev/vd{string.ascii_lowercase[number]}")
    return made, text


@pytest.fixture(scope="module")
def host(example: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """An installed host, whose further disks are those of the converted machines that are asked for."""
    disks, definitions = [Disk(example)], {}
    places = []
    own = [item for item in request.session.items if isinstance(item, pytest.Function) and item.module is request.module]
    asked = {item.callspec.id for item in own}
    for name, mode in [start for start in STARTS if _called(start) in asked]:
        places.append(place := tmp_path_factory.mktemp(f"{name}-{mode}"))
        made, definitions[name, mode] = defined(name, mode, place, len(disks))
        disks += [Disk(disk) for disk in made]
    try:
        with Machine(disks, nics=[UserNet("52:54:00:00:00:10")], processor=NESTING, name="host") as machine:
            machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
            machine.console.login("root", PASSWORD, LOGIN_SECONDS)
            machine.console.run("systemctl is-system-running --wait", 400)
            yield Host(machine.console, definitions)
    finally:
        for place in places:
            shutil.rmtree(place)


@pytest.mark.parametrize(("name", "mode"), STARTS, ids=map(_called, STARTS))
def test_it_starts_as_a_guest_with_its_root_and_its_network(host: Host, name: str, mode: Mode) -> None:
    old, dom0 = MACHINES[name], host.console
    config = base64.b64encode(host.definitions[name, mode].encode()).decode()
    dom0.check(f"echo {config} | base64 -d > /root/{mode}.cfg")
    dom0.check(f"xl create /root/{mode}.cfg", 300)
    number = int(dom0.check(f"xl domid {_NAME}"))
    try:
        _log_in(dom0, old, mode)
        _is_whole(dom0, old, mode)
        if (name, mode) in RESTARTED:
            _restart(dom0, number)
            _log_in(dom0, old, mode)
            _is_whole(dom0, old, mode)
        dom0.send("systemctl poweroff\n")
        dom0.expect(r"reboot: (Power down|Power off|System halted)", 300)
    finally:
        _leave(dom0)
        said, _ = dom0.run(f"for t in $(seq 30); do xl list {_NAME} >/dev/null 2>&1 || break; sleep 2; done; xl list", 200)
        dom0.run(f"xl destroy {_NAME}", 60)
    assert _NAME not in said, said


def _log_in(dom0: Console, old: Old, mode: Mode) -> None:
    dom0.send(f"xl console {'-t serial ' if mode is Mode.HVM else ''}{_NAME}\n")
    if old.passphrase:
        dom0.expect("Please unlock disk", _LOGIN_SECONDS[mode])
        dom0.send(f"{old.passphrase}\n")
    dom0.login("root", GUEST_PASSWORD, _LOGIN_SECONDS[mode])


def _restart(dom0: Console, number: int) -> None:
    """By the guest's own command; dom0 makes a new domain of it."""
    dom0.send("systemctl reboot\n")
    dom0.expect(r"reboot: Restarting system", 300)
    _leave(dom0)
    # It is paused until its boot loader has run, which has a console of its own that nobody is led away from.
    runs = f"xl list | awk '$1 == \"{_NAME}\" && $2 > {number} && $5 !~ /p/ {{ found = 1 }} END {{ exit !found }}'"
    dom0.check(f"for t in $(seq 150); do {runs} && break; sleep 2; done; {runs}", 600)


def _leave(dom0: Console) -> None:
    """Out of the guest's console, wherever one was."""
    dom0.listen(2)
    dom0.send(_LEAVE)
    dom0.listen(1)
    dom0.send("\n")


def _is_whole(guest: Console, old: Old, mode: Mode) -> None:
    """From inside."""
    guest.run("systemctl is-system-running --wait", 300)
    assert guest.check("systemctl list-units --failed --plain --no-legend") == ""
    assert guest.check("cat /sys/hypervisor/type /sys/hypervisor/guest_type").split() == ["xen", mode.upper()]
    root = " ".join(guest.check("findmnt -no SOURCE,FSTYPE /").split())
    assert re.fullmatch(old.root, root), root
    if old.swap:
        assert guest.check("swapon --show=NAME --noheadings") == old.swap
    assert guest.check("systemctl is-active serial-getty@hvc0") == "active"
    assert "192.0.2.77/24" in guest.check("ip -4 -br addr show eno7")
    assert MAC in guest.check("cat /sys/class/net/eno7/address")
    # The host is reached over the paravirtual card.
    assert guest.check("readlink /sys/class/net/eno7/device/driver").endswith("/vif")
    assert guest.check("timeout 60 bash -c 'exec 3<>/dev/tcp/192.0.2.10/22; head -c 8 <&3'", 90) == "SSH-2.0-"
