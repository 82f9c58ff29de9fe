"""What is on a disk, outermost first."""

import pytest

from xeninstall.machine.blocks import Block
from xeninstall.machine.contents import contents, kind_of
from xeninstall.machine.lvm import Group


@pytest.mark.parametrize(
    ("fstype", "kind"),
    [
        ("ext4", "filesystem"),
        ("LVM2_member", "lvm2_pv"),
        ("linux_raid_member", "md_member"),
        ("isw_raid_member", "firmware_raid_member"),
        ("zfs_member", "zfs_member"),
        ("crypto_LUKS", "luks"),
        ("BitLocker", "bitlocker"),
        ("swap", "swap"),
        ("ntfs", "filesystem"),
    ],
)
def test_each_signature_has_its_kind(fstype: str, kind: str) -> None:
    assert kind_of(fstype) == kind


def test_partition_signature_group_volume_and_system_are_all_listed() -> None:
    volume = Block(path="/dev/mapper/vg0-root", type="lvm", fstype="ext4", label="root", size_bytes=5)
    partition = Block(
        path="/dev/sda1",
        type="part",
        part_label="data",
        part_type_name="Linux LVM",
        fstype="LVM2_member",
        size_bytes=9,
        children=(volume,),
    )
    disk = Block(path="/dev/sda", type="disk", children=(partition,))
    found = contents(disk, {"/dev/sda1": Group("vg0", "u-u", ("root",))}, {"/dev/mapper/vg0-root": "Debian"})
    assert [(one.path, one.kind, one.label) for one in found] == [
        ("/dev/sda1", "partition", "data"),
        ("/dev/sda1", "lvm2_pv", ""),
        ("/dev/sda1", "volume_group", "vg0"),
        ("/dev/mapper/vg0-root", "logical_volume", ""),
        ("/dev/mapper/vg0-root", "filesystem", "root"),
        ("/dev/mapper/vg0-root", "operating_system", ""),
    ]
    assert found[2].description == "volume group vg0 with 1 logical volume: root"


def test_an_empty_disk_holds_nothing() -> None:
    assert contents(Block(path="/dev/sda", type="disk"), {}, {}) == ()


def test_something_mounted_is_listed_even_where_its_type_is_unknown() -> None:
    (found,) = contents(Block(path="/dev/vda", type="disk", mountpoints=("/",)), {}, {})
    assert (found.kind, found.mountpoints) == ("filesystem", ("/",))
