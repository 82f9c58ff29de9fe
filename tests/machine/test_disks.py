"""Which block devices are disks, and how each is told."""

import json

from xeninstall.machine.disks import disks
from xeninstall.machine.model import Reason

from .computer import Computer, disk, part


def test_memory_files_optical_drives_and_parts_of_disks_are_no_disks(computer: Computer) -> None:
    names = ["zram0", "ram0", "loop0", "fd0", "nbd0", "mmcblk0boot0", "mmcblk0rpmb", "drbd0", "zd0"]
    nodes = [disk(name, 0 if name == "nbd0" else 4) for name in names]
    computer.lsblk(
        *nodes, disk("sr0", 4, type="rom"), disk("loop1", 4, type="loop"), disk("dm-0", 4, type="lvm"), disk("mmcblk0", 32)
    )
    assert [one.path for one in disks(computer.look())] == ["/dev/mmcblk0"]


def test_the_bus_is_named(computer: Computer) -> None:
    computer.lsblk(
        disk("sda", 10, tran="sata"),
        disk("sdb", 10, tran="ata"),
        disk("nvme0n1", 10),
        disk("vda", 10, subsystems="block:virtio:pci"),
        disk("mmcblk0", 10),
        disk("sdc", 10),
        disk("xvda", 10),
    )
    assert [one.bus for one in disks(computer.look())] == ["sata", "sata", "nvme", "virtio", "mmc", "scsi", "xen"]


def test_stable_names_are_collected(computer: Computer) -> None:
    computer.lsblk(disk("sda", 10, model="M 1", serial="S1", wwn="0x5000", tran="sata"))
    computer.link("/dev/disk/by-path/pci-0000:00:17.0-ata-1", "../../sda")
    (found,) = disks(computer.look())
    assert found.links == ("/dev/disk/by-id/ata-M_1_S1", "/dev/disk/by-id/wwn-0x5000", "/dev/disk/by-path/pci-0000:00:17.0-ata-1")


def test_a_multipath_map_is_listed_once_with_what_is_on_it_and_its_paths_with_nothing(computer: Computer) -> None:
    volume = part("mpatha-part1", 9, "xfs", path="/dev/mapper/mpatha-part1")
    the_map = part("mpatha", 10, type="mpath", kname="dm-3", path="/dev/mapper/mpatha", children=[volume])
    computer.lsblk(*(disk(name, 10, serial="LUN1", wwn="0x6006", tran="iscsi", children=[the_map]) for name in ("sda", "sdb")))
    first, second, whole = disks(computer.look())
    assert (whole.path, whole.serial, whole.bus, whole.usable) == ("/dev/mapper/mpatha", "LUN1", "iscsi", True)
    assert [content.kind for content in whole.contents] == ["partition", "filesystem"]
    assert first.contents == second.contents == ()
    assert [one.reason for one in (*first.obstacles, *second.obstacles)] == [Reason.MULTIPATH_MEMBER] * 2


def test_one_disk_seen_twice_without_multipath_is_not_offered_twice(computer: Computer) -> None:
    computer.lsblk(*(disk(name, 10, serial="LUN1", wwn="0x6006", tran="fc") for name in ("sda", "sdb")))
    assert [one.obstacles[0].reason for one in disks(computer.look())] == [Reason.MULTIPATH_MEMBER] * 2


def test_usb_bridges_that_share_a_made_up_name_are_two_disks(computer: Computer) -> None:
    computer.lsblk(*(disk(name, 10, serial="0123456789", wwn="0x5000000000000001", tran="usb") for name in ("sda", "sdb")))
    assert all(one.usable for one in disks(computer.look()))


def test_a_group_with_an_active_volume_on_another_disk_keeps_all_its_disks(computer: Computer) -> None:
    volume = part("vg0-a", 5, type="lvm", path="/dev/mapper/vg0-a")
    computer.lsblk(disk("sda", 10, fstype="LVM2_member", children=[volume]), disk("sdb", 10, fstype="LVM2_member"))
    rows = [{"pv_name": f"/dev/sd{letter}", "vg_name": "vg0", "vg_uuid": "u"} for letter in "ab"]
    computer.command(["pvs"], json.dumps({"report": [{"pv": rows}]}))
    computer.command(["lvs"], '{"report": [{"lv": [{"vg_name": "vg0", "lv_name": "a"}]}]}')
    found = disks(computer.look())
    assert [[one.reason for one in each.obstacles] for each in found] == [[Reason.IN_USE], [Reason.IN_USE]]
    assert "vgchange -an vg0" in found[1].obstacles[0].text


def test_lvm_is_not_asked_where_no_physical_volume_was_seen(computer: Computer) -> None:
    computer.lsblk(disk("sda", 10))
    disks(computer.look())
    assert not any(argv[0] == "pvs" for argv in computer.runner.asked)
