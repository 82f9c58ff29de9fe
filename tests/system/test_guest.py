"""A physical machine's Debian becomes a virtual machine: as it is it does not boot on virtual disks, repaired it does.

Its fstab and GRUB name /dev/sda, its initramfs has the drivers of one machine with AHCI, its network card a name of that machine,
its EFI partition no loader under the fallback's name.
"""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.conversion import Conversion
from tests.p2v.disks import sha
from xeninstall.answers.model import Convert
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Machine as Inventory
from xeninstall.machine.model import Nic

from .console import LOGIN_SECONDS, Console, ConsoleError
from .guest_disk import MAC, PASSWORD, ROOT_UUID, GuestDisk, make_guest
from .guest_lvm import make_lvm_guest
from .qemu import Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], GuestDisk]:
    """The old disk by firmware, made once."""
    made: dict[str, GuestDisk] = {}

    def make(firmware: str) -> GuestDisk:
        if firmware not in made:
            made[firmware] = make_guest(tmp_path_factory.mktemp(f"guest-{firmware}"), firmware)
        return made[firmware]

    return make


@pytest.fixture(scope="module")
def repaired(guest: Callable[[str], GuestDisk], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The converted disk, made once; the old one has the same digest after."""
    made: dict[str, Path] = {}

    def make(firmware: str) -> Path:
        if firmware in made:
            return made[firmware]
        made[firmware] = _converted(guest(firmware).path, tmp_path_factory.mktemp(f"repaired-{firmware}"))
        return made[firmware]

    return make


def _converted(old: Path, place: Path) -> Path:
    """The repaired image of a disk, which has the same digest after."""
    recorded = Inventory.from_json(_RECORDED.read_text())
    (place / "machine.json").write_text(recorded.model_copy(update={"nics": (Nic(name="eno7", mac=MAC),)}).to_json())
    before, image = sha(old), place / "new.img"
    machine = ["--machine", f"{place}/machine.json"]
    assert main(["convert", str(old), "--repair", *machine, "--format", "raw", "--to", str(image)]) == 0
    assert sha(old) == before
    assert not list(place.glob("*.overlay"))
    return image


def _converted_with_a_trial(old: Path, place: Path) -> Path:
    """By answers, and started once before it is called converted; the trial leaves the image as it is."""
    recorded = Inventory.from_json(_RECORDED.read_text()).model_copy(update={"nics": (Nic(name="eno7", mac=MAC),)})
    wanted = {"name": "old", "target": str(place), "format": "raw", "source": [{"path": str(old)}]}
    answers = Convert.model_validate(wanted | {"vcpus": 2, "memory": "1G", "test_boot": True})
    facts = Conversion(answers, recorded, SystemRunner()).perform(lambda event: None, threading.Event())
    assert facts["trial start"].startswith("up after ")
    assert main(["verify", str(place / "old.img")]) == 0
    return place / "old.img"


def _is_whole(console: Console, root: str) -> None:
    console.login("root", PASSWORD, LOGIN_SECONDS)
    console.run("systemctl is-system-running --wait", 240)
    assert console.check("systemctl list-units --failed --plain --no-legend") == ""
    assert console.check("findmnt -no SOURCE /") == root
    assert ROOT_UUID in console.check("cat /proc/cmdline")
    assert "192.0.2.77/24" in console.check("ip -4 -br addr show eno7")
    assert MAC in console.check("cat /sys/class/net/eno7/address")
    assert console.check("swapon --show=NAME --noheadings").startswith("/dev/")
    assert "console=hvc0" in console.check("cat /var/lib/p2v/report.json /proc/cmdline")


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_unrepaired_it_does_not_boot_with_virtio(guest: Callable[[str], GuestDisk], firmware: str) -> None:
    with Machine(
        [Disk(guest(firmware).path)], firmware=firmware, nics=[], memory_mib=1024, name=f"as it was, {firmware}"
    ) as machine:
        # UEFI finds no loader; BIOS starts the kernel, whose initramfs finds no disk.
        ends = (
            r"No bootable option|Shell> |UEFI Interactive Shell"
            if firmware == "uefi"
            else r"\(initramfs\) |Gave up waiting for root"
        )
        machine.console.expect(ends, 300, fatal=False)
        with pytest.raises(ConsoleError):
            machine.console.expect("login: ", 20, fatal=False)


@pytest.mark.parametrize(
    ("firmware", "bus", "root"), [("bios", "virtio", "/dev/vda1"), ("bios", "ahci", "/dev/sda1"), ("uefi", "virtio", "/dev/vda2")]
)
def test_repaired_it_boots_twice(repaired: Callable[[str], Path], firmware: str, bus: str, root: str) -> None:
    disks, nics = [Disk(repaired(firmware), bus=bus, snapshot=False)], [UserNet(MAC)]
    for start in ("first", "second"):
        name = f"repaired, {firmware}, {bus}, {start} start"
        with Machine(disks, firmware=firmware, nics=nics, memory_mib=1024, name=name) as machine:
            _is_whole(machine.console, root)
            machine.console.send("systemctl poweroff\n")
            machine.wait(180)


def test_debian_12_on_xfs_in_a_volume_group_boots_twice_by_uefi(tmp_path: Path) -> None:
    old = make_lvm_guest(tmp_path)
    with Machine([Disk(old.path)], firmware="uefi", nics=[], memory_mib=1024, name="LVM as it was") as machine:
        # Its EFI partition has no loader where firmware without boot entries looks.
        machine.console.expect(r"No bootable option|Shell> |UEFI Interactive Shell", 300, fatal=False)
    before = sha(old.path)
    image = _converted_with_a_trial(old.path, tmp_path / "repaired")
    assert sha(old.path) == before
    old.path.unlink()
    for start in ("first", "second"):
        disks = [Disk(image, snapshot=False)]
        with Machine(
            disks, firmware="uefi", nics=[UserNet(MAC)], memory_mib=1024, name=f"LVM repaired, {start} start"
        ) as machine:
            _is_whole_in_its_volume_group(machine.console)
            machine.console.send("systemctl poweroff\n")
            machine.wait(180)


def _is_whole_in_its_volume_group(console: Console) -> None:
    console.login("root", PASSWORD, LOGIN_SECONDS)
    console.run("systemctl is-system-running --wait", 240)
    assert console.check("systemctl list-units --failed --plain --no-legend") == ""
    assert re.fullmatch(r"/dev/mapper/vg\w+-root +xfs", console.check("findmnt -no SOURCE,FSTYPE /").strip())
    assert console.check("findmnt -no SOURCE /boot") == "/dev/vda2"
    assert "192.0.2.77/24" in console.check("ip -4 -br addr show eno7")
    assert MAC in console.check("cat /sys/class/net/eno7/address")
    assert console.check("swapon --show=NAME --noheadings").startswith("/dev/")
