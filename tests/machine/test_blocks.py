"""lsblk's output becomes a tree, whatever stands in it."""

import json

import pytest

from xeninstall.machine.blocks import blocks, parse
from xeninstall.machine.model import MachineError

from .computer import Computer, disk, part


def test_a_tree_keeps_its_shape() -> None:
    (block,) = parse(json.dumps({"blockdevices": [disk("sda", 10, children=[part("sda1", 1, "ext4"), part("sda2", 9)])]}))
    assert [one.path for one in block.tree()] == ["/dev/sda", "/dev/sda1", "/dev/sda2"]


@pytest.mark.parametrize(
    "garbage", ["", "lsblk: oops", "[]", "{}", '{"blockdevices": 3}', '{"blockdevices": null}', "[" * 100_000, "\ufffd\ufffd"]
)
def test_garbage_is_a_note_and_no_disks(computer: Computer, garbage: str) -> None:
    with pytest.raises(MachineError, match="lsblk did not write a list of block devices"):
        parse(garbage)
    computer.command(["lsblk"], garbage)
    look = computer.look()
    assert blocks(look) == ()
    assert look.notes[0].startswith("disks not seen: ")


def test_entries_of_the_wrong_kind_do_no_harm() -> None:
    odd = '{"name": 3, "size": "x", "children": 5}, {"name": "sda", "type": "disk", "size": -5, "mountpoints": 1}'
    text = f'{{"blockdevices": [1, null, {odd}]}}'
    assert [(block.path, block.size_bytes) for block in parse(text)] == [("/dev/", 0), ("/dev/sda", 0)]


def test_names_from_hardware_are_made_harmless() -> None:
    node = disk("sda", 1, model="Evil\x1b[2J\ndisk\ufffd  x", serial="A\u202eB")
    (block,) = parse(json.dumps({"blockdevices": [node]}))
    assert (block.model, block.serial) == ("Evil [2J disk? x", "A B")


def test_sizes_and_flags_of_old_lsblk_are_text() -> None:
    (block,) = parse(
        '{"blockdevices": [{"name": "sda", "type": "disk", "size": "1024", "ro": "1", "rm": "0", "mountpoint": "/mnt"}]}'
    )
    assert (block.size_bytes, block.read_only, block.removable, block.mountpoints) == (1024, True, False, ("/mnt",))


def test_without_udev_the_identity_comes_from_sysfs(computer: Computer) -> None:
    computer.lsblk(disk("sda", 10), disk("vda", 10), disk("nvme0n1", 10))
    computer.file("/sys/block/sda/device/vpd_pg80", b"\x00\x80\x00\x08  WD-1234 trailing")
    computer.file("/sys/block/sda/device/wwid", "naa.50014ee0584a1b2c\n")
    computer.file("/sys/block/vda/serial", "root-disk\n")
    computer.file("/sys/block/nvme0n1/device/serial", "S64H              \n")
    computer.file("/sys/block/nvme0n1/wwid", "eui.0025385b01234567\n")
    found = [(block.serial, block.wwn) for block in blocks(computer.look())]
    assert found == [("WD-123", "0x50014ee0584a1b2c"), ("root-disk", ""), ("S64H", "eui.0025385b01234567")]


def test_a_missing_lsblk_is_a_note(computer: Computer) -> None:
    del computer.runner.answers["lsblk",]
    look = computer.look()
    assert blocks(look) == ()
    assert look.notes == ["disks not seen: lsblk: the program lsblk is missing (install the Debian package util-linux)"]
