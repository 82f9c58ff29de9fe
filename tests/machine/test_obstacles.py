"""Why a disk cannot be used; every reason says what and what to do. What only looks like a reason is none."""

import errno
import os
from typing import Any

import pytest

from xeninstall.machine.blocks import Block
from xeninstall.machine.model import SYSTEM_DISK_MINIMUM_BYTES, Obstacle, Reason
from xeninstall.machine.mounts import Carrier
from xeninstall.machine.obstacles import Surroundings, obstacles

from .computer import GIB, Computer


def disk(*children: Block, **more: Any) -> Block:
    given: dict[str, Any] = {"path": "/dev/sda", "kname": "sda", "type": "disk", "number": "8:0", "size_bytes": 100 * GIB}
    return Block(**(given | more), children=children)


def part(**more: Any) -> Block:
    return Block(**({"path": "/dev/sda1", "kname": "sda1", "type": "part", "number": "8:1"} | more))


def only(computer: Computer, block: Block, **around: Any) -> Obstacle:
    (found,) = obstacles(block, Surroundings(look=computer.look(), **around))
    return found


def test_an_empty_disk_has_none(computer: Computer) -> None:
    assert obstacles(disk(), Surroundings(look=computer.look())) == ()


def test_the_running_systems_disk_is_refused_with_that_one_reason(computer: Computer) -> None:
    found = only(computer, disk(part(mountpoints=("/",))), system=(Carrier("/", "8:1", "/dev/root"),))
    assert found.reason is Reason.RUNNING_SYSTEM
    assert "/ is on /dev/sda1" in found.text and "boot from the medium" in found.text


def test_the_running_system_is_found_through_array_and_volume(computer: Computer) -> None:
    volume = Block(path="/dev/mapper/vg-root", kname="dm-0", type="lvm", number="252:0")
    array = Block(path="/dev/md0", type="raid1", number="9:0", fstype="LVM2_member", children=(volume,))
    found = only(
        computer,
        disk(part(fstype="linux_raid_member", children=(array,))),
        system=(Carrier("/", "252:0", "/dev/mapper/vg-root"),),
    )
    assert found.reason is Reason.RUNNING_SYSTEM


def test_the_running_systems_pool_is_on_it(computer: Computer) -> None:
    found = only(computer, disk(part(fstype="zfs_member", label="rpool")), system=(Carrier("/", "", "", pool="rpool"),))
    assert found.reason is Reason.RUNNING_SYSTEM


def test_the_boot_medium_is_refused(computer: Computer) -> None:
    found = only(computer, disk(part()), medium=(Carrier("/run/live/medium", "8:1", "/dev/sda1"),))
    assert found.reason is Reason.BOOT_MEDIUM
    assert "booted from /dev/sda1" in found.text


@pytest.mark.parametrize(
    ("block", "reason", "remedy"),
    [
        (disk(part(mountpoints=("/data",))), Reason.MOUNTED, "umount /data"),
        (disk(part(fstype="swap", mountpoints=("[SWAP]",))), Reason.IN_USE, "swapoff /dev/sda1"),
        (disk(part(children=(part(path="/dev/mapper/x", type="crypt"),))), Reason.IN_USE, "cryptsetup close"),
        (disk(part(children=(part(path="/dev/mapper/x", type="lvm"),))), Reason.IN_USE, "dmsetup remove"),
        (disk(part(children=(part(path="/dev/bcache0", type="bcache"),))), Reason.IN_USE, "remove it first"),
        (
            disk(part(fstype="linux_raid_member", children=(part(path="/dev/md0", type="raid1"),))),
            Reason.RAID_MEMBER,
            "mdadm --stop /dev/md0",
        ),
        (disk(fstype="isw_raid_member"), Reason.RAID_MEMBER, "wipefs -a -t isw_raid_member /dev/sda"),
        (disk(fstype="ddf_raid_member"), Reason.RAID_MEMBER, "firmware's RAID menu"),
        (disk(part(path="/dev/mapper/mpatha", type="mpath")), Reason.MULTIPATH_MEMBER, "take that instead"),
        (disk(fstype="mpath_member"), Reason.MULTIPATH_MEMBER, "multipath -ll"),
        (disk(read_only=True), Reason.READ_ONLY, "blockdev --setrw /dev/sda"),
        (disk(size_bytes=0), Reason.NO_MEDIUM, "insert one"),
        (disk(size_bytes=SYSTEM_DISK_MINIMUM_BYTES - 1), Reason.TOO_SMALL, "take a larger disk"),
    ],
)
def test_each_reason_says_what_to_do(computer: Computer, block: Block, reason: Reason, remedy: str) -> None:
    found = only(computer, block)
    assert found.reason is reason
    assert remedy in found.text


@pytest.mark.parametrize("fstype", ["linux_raid_member", "zfs_member", "LVM2_member", "crypto_LUKS", "swap", "BitLocker", "ext4"])
def test_an_old_signature_that_nobody_uses_is_no_reason(computer: Computer, fstype: str) -> None:
    assert obstacles(disk(part(fstype=fstype, label="old")), Surroundings(look=computer.look())) == ()


def test_the_smallest_disk_that_does_is_good(computer: Computer) -> None:
    assert obstacles(disk(size_bytes=SYSTEM_DISK_MINIMUM_BYTES), Surroundings(look=computer.look())) == ()


def test_an_imported_pool_is_in_use(computer: Computer) -> None:
    computer.file("/proc/spl/kstat/zfs/tank/state", "ONLINE\n")
    found = only(computer, disk(part(fstype="zfs_member", label="tank")))
    assert found.reason is Reason.IN_USE and "zpool export tank" in found.text


def test_two_nodes_of_one_disk_are_paths_to_it(computer: Computer) -> None:
    found = only(computer, disk(), paths_of={"/dev/sda": ("/dev/sda", "/dev/sdb")})
    assert found.reason is Reason.MULTIPATH_MEMBER and "/dev/sdb" in found.text and "multipathd" in found.text


def test_several_reasons_are_all_told(computer: Computer) -> None:
    found = obstacles(disk(part(mountpoints=("/a",)), read_only=True, size_bytes=GIB), Surroundings(look=computer.look()))
    assert [one.reason for one in found] == [Reason.MOUNTED, Reason.TOO_SMALL, Reason.READ_ONLY]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EBUSY, Reason.IN_USE), (errno.ENOMEDIUM, Reason.NO_MEDIUM), (errno.EIO, Reason.NOT_READABLE), (errno.ENOENT, None)],
)
def test_the_kernels_own_refusal_counts(
    computer: Computer, monkeypatch: pytest.MonkeyPatch, number: int, reason: Reason | None
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("xeninstall.machine.obstacles.os.open", refuse)
    assert [one.reason for one in obstacles(disk(), Surroundings(look=computer.look()))] == ([reason] if reason else [])


def test_a_disk_whose_first_blocks_cannot_be_read_is_refused(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    computer.file("/dev/sda", b"")
    monkeypatch.setattr("xeninstall.machine.obstacles.os.pread", broken)
    assert only(computer, disk()).reason is Reason.NOT_READABLE


def test_not_being_allowed_to_open_it_is_a_note_and_no_reason(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("xeninstall.machine.obstacles.os.open", forbid)
    look = computer.look()
    assert obstacles(disk(), Surroundings(look=look)) == ()
    assert "run as root" in look.notes[0]
