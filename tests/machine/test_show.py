"""What `xeninstall probe` prints fits every console and leaves nothing out that decides."""

import pytest

from xeninstall.machine.model import Disk, Machine
from xeninstall.machine.show import WIDTH, show

from .machines import MACHINES
from .test_recorded import load


def unwrapped(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", MACHINES)
def test_it_fits_eighty_columns_of_plain_ascii(name: str) -> None:
    text = show(load(name))
    assert text.isascii() and text.endswith("\n")
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("name", MACHINES)
def test_every_identity_obstacle_advice_and_address_is_there_whole(name: str) -> None:
    machine = load(name)
    text = unwrapped(show(machine))
    told = [obstacle.text for disk in machine.disks for obstacle in disk.obstacles]
    told += [disk.identity for disk in machine.disks] + [controller.advice for controller in machine.controllers]
    told += [nic.mac for nic in machine.nics] + [address for nic in machine.nics for address in nic.addresses]
    assert [one for one in told if one.replace("…", "...") not in text] == []


def test_the_verdict_is_in_words_with_setting_way_and_evidence() -> None:
    text = unwrapped(show(load("intel-vt-off")))
    assert "Virtualization: SWITCHED OFF in the firmware (Intel VT-x)" in text
    assert "because MSR 0x3A (IA32_FEATURE_CONTROL) = 0x1: VMX is forbidden" in text
    assert "Enable Intel Virtualization Technology (VT-x, VMX) in the firmware setup" in text
    assert "press F1 while the machine starts" in text


def test_secure_boot_is_said_before_anything_is_written() -> None:
    assert "Secure Boot ENFORCED (Xen cannot start under it" in unwrapped(show(load("uefi-secure-boot")))


def test_a_machine_without_disks_says_why() -> None:
    text = unwrapped(show(load("vmd-no-disks")))
    assert "Disks: none found" in text and "Switch VMD off" in text


def test_usable_and_unusable_differ_by_words_and_not_only_by_place() -> None:
    lines = show(load("installed-debian")).splitlines()
    assert any(line.startswith("  ok /dev/sdc") for line in lines)
    assert any(line.startswith("  NO /dev/sda") for line in lines)


def test_what_the_probe_could_not_see_is_told() -> None:
    machine = load("uefi-plain").model_copy(update={"notes": ("disks not seen: lsblk: gone",)})
    assert "Not seen: - disks not seen: lsblk: gone" in unwrapped(show(machine))


def test_a_hostile_profile_cannot_steer_the_terminal() -> None:
    evil = Disk(path="/dev/sda", model="\x1b]0;x\x07", serial="\u202e\x9b31m", size_bytes=2**40)
    machine: Machine = load("uefi-plain").model_copy(update={"disks": (evil,), "notes": ("a\x1b[2Jb",)})
    text = show(machine)
    assert text.isascii() and all(char.isprintable() or char == "\n" for char in text)
