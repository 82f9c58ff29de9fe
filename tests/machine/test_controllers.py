"""Storage controllers that hide disks say what they are and what to do."""

import pytest

from xeninstall.machine.controllers import controllers

from .computer import Computer


def test_only_mass_storage_is_listed(computer: Computer) -> None:
    computer.pci("0000:00:02.0", "8086:3e92", "030000", "i915")
    computer.pci("0000:00:17.0", "8086:a352", "010601", "ahci")
    (found,) = controllers(computer.look())
    assert (found.pci, found.ids, found.class_code, found.driver, found.advice) == (
        "0000:00:17.0",
        "8086:a352",
        "010601",
        "ahci",
        "",
    )


@pytest.mark.parametrize("ids", ["8086:9a0b", "8086:467f", "8086:201d"])
def test_a_vmd_without_its_driver_hides_nvme_disks(computer: Computer, ids: str) -> None:
    computer.pci("0000:00:0e.0", ids, "010400")
    assert "Switch VMD off in the firmware" in controllers(computer.look())[0].advice


def test_a_vmd_with_its_driver_hides_nothing(computer: Computer) -> None:
    computer.pci("0000:00:0e.0", "8086:9a0b", "010400", "vmd")
    assert controllers(computer.look())[0].advice == ""


def test_rst_that_remaps_nvme_disks_says_so(computer: Computer) -> None:
    place = computer.pci("0000:00:17.0", "8086:282a", "010400", "ahci")
    assert controllers(computer.look())[0].advice == ""
    computer.file(f"{place}/remapped_nvme", "2\n")
    assert "hides 2 NVMe" in controllers(computer.look())[0].advice


def test_a_controller_without_driver_wants_a_driver_pack(computer: Computer) -> None:
    computer.pci("0000:03:00.0", "1000:10e2", "010400")
    assert "load a driver pack" in controllers(computer.look())[0].advice


def test_a_raid_controller_without_logical_drives_says_how_to_make_one(computer: Computer) -> None:
    place = computer.pci("0000:03:00.0", "1000:005d", "010400", "megaraid_sas")
    assert "create a logical drive" in controllers(computer.look())[0].advice
    computer.file(f"{place}/host0/target0:2:0/0:2:0:0/block/sda/size", "1")
    computer.link("/sys/block/sda", f"{place}/host0/target0:2:0/0:2:0:0/block/sda")
    assert controllers(computer.look())[0].advice == ""


def test_garbage_in_sysfs_is_no_controller(computer: Computer) -> None:
    computer.file("/sys/bus/pci/devices/0000:00:00.0/class", b"\xff\xfe not hex")
    assert controllers(computer.look()) == ()
