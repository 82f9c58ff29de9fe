"""A physical machine's Debian 13, converted, runs on an installed host: as PV, as PVH and as HVM, by the product's definition."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.vm.model import DiskImage, Mode, Nic, VirtualMachine
from p2v.vm.xl import xl_config
from xeninstall.base.sizes import MIB
from xeninstall.machine.model import Machine as Inventory
from xeninstall.machine.model import Nic as Card

from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .guest_disk import MAC, make_guest
from .guest_disk import PASSWORD as GUEST_PASSWORD
from .qemu import NESTING, Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"
_NAME = "converted"
_LOGIN_SECONDS = {Mode.PV: 900, Mode.PVH: 1200, Mode.HVM: 1800}
_LEAVE = "\x1d"  # Ctrl+]: out of xl console


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repaired image."""
    place = tmp_path_factory.mktemp("converted")
    old, image = make_guest(place, "bios").path, place / "new.img"
    recorded = Inventory.from_json(_RECORDED.read_text())
    (place / "machine.json").write_text(recorded.model_copy(update={"nics": (Card(name="eno7", mac=MAC),)}).to_json())
    machine = ["--machine", f"{place}/machine.json"]
    assert main(["convert", str(old), "--repair", *machine, "--format", "raw", "--to", str(image)]) == 0
    old.unlink()
    yield image
    image.unlink()


@pytest.fixture(scope="module")
def host(example: Path, converted: Path) -> Iterator[Console]:
    """dom0's console, root logged in; the converted machine's disk is its second one."""
    disks, nics = [Disk(example), Disk(converted)], [UserNet("52:54:00:00:00:10")]
    with Machine(disks, nics=nics, processor=NESTING, name="host") as machine:
        machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        machine.console.run("systemctl is-system-running --wait", 400)
        yield machine.console


@pytest.mark.parametrize("mode", [Mode.PV, Mode.PVH, Mode.HVM])
def test_it_starts_as_a_guest_with_its_root_and_its_network(host: Console, mode: Mode) -> None:
    vm = VirtualMachine(
        _NAME, 1, 1, 1, 768 * MIB, disks=(DiskImage("/dev/vdb"),), nics=(Nic(MAC),), origin="from a test", uuid=""
    )
    config = base64.b64encode(xl_config(vm, mode).encode()).decode()
    host.check(f"echo {config} | base64 -d > /root/{mode}.cfg")
    host.check(f"xl create /root/{mode}.cfg", 300)
    try:
        host.send(f"xl console {'-t serial ' if mode is Mode.HVM else ''}{_NAME}\n")
        host.login("root", GUEST_PASSWORD, _LOGIN_SECONDS[mode])
        _is_whole(host, mode)
        host.send("systemctl poweroff\n")
        host.expect(r"reboot: (Power down|Power off|System halted)", 300)
    finally:
        host.listen(2)
        host.send(_LEAVE)
        host.listen(1)
        host.send("\n")
        said, _ = host.run(f"for t in $(seq 30); do xl list {_NAME} >/dev/null 2>&1 || break; sleep 2; done; xl list", 200)
        host.run(f"xl destroy {_NAME}", 60)
    assert _NAME not in said, said


def _is_whole(guest: Console, mode: Mode) -> None:
    """From inside."""
    guest.run("systemctl is-system-running --wait", 300)
    assert guest.check("systemctl list-units --failed --plain --no-legend") == ""
    assert guest.check("cat /sys/hypervisor/type /sys/hypervisor/guest_type").split() == ["xen", mode.upper()]
    assert guest.check("findmnt -no SOURCE /") == "/dev/xvda1"
    assert guest.check("swapon --show=NAME --noheadings").startswith("/dev/xvda2")
    assert guest.check("systemctl is-active serial-getty@hvc0") == "active"
    assert "192.0.2.77/24" in guest.check("ip -4 -br addr show eno7")
    assert MAC in guest.check("cat /sys/class/net/eno7/address")
    # The host is reached over the paravirtual card.
    assert guest.check("readlink /sys/class/net/eno7/device/driver").endswith("/vif")
    assert guest.check("timeout 60 bash -c 'exec 3<>/dev/tcp/192.0.2.10/22; head -c 8 <&3'", 90) == "SSH-2.0-"
