"""Which names hold on one machine only, and what they mean."""

import pytest

from p2v.guest.linux.names import Found, is_local, resolve, stable
from p2v.guest.model import Hardware, Named

ROOT, HOME, SWAP = Named(0, "ext", 1, "r", partuuid="p"), Named(1, "ext", 1, "h"), Named(1, "swap", 2, "s")
TWO = Hardware((ROOT, HOME, SWAP), disks=2)


@pytest.mark.parametrize(
    "name",
    [
        "/dev/sda1",
        "/dev/hdc",
        "/dev/vdb12",
        "/dev/xvda",
        "/dev/sdaa3",
        "/dev/nvme0n1p2",
        "/dev/nvme1n1",
        "/dev/cciss/c0d0p1",
        "/dev/mmcblk0p1",
        "/dev/mapper/mpatha-part1",
        "/dev/mapper/mpathb1",
        "/dev/mapper/3600508b1001c5e1a2b3c4d5e6f708192-part2",
        "/dev/disk/by-id/ata-WDC_WD10-part6",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1-part3",
    ],
)
def test_these_change_with_the_controller(name: str) -> None:
    assert is_local(name)


@pytest.mark.parametrize(
    "name",
    [
        "UUID=x",
        "LABEL=/",
        "/dev/mapper/vg-root",
        "/dev/vg/root",
        "/dev/md0",
        "/dev/disk/by-uuid/x",
        "/dev/disk/by-label/x",
        "none",
        "/dev/disk/by-id/dm-name-vg-root",
        "/dev/disk/by-id/lvm-pv-uuid-x",
        "//server/share",
        "/dev/sr0",
        "tmpfs",
        "/dev/sda1/x",
        "",
    ],
)
def test_these_stay(name: str) -> None:
    assert not is_local(name)
    assert resolve(name, TWO) == Found(None)


def test_of_several_disks_the_letters_tell_which_and_it_is_said() -> None:
    assert resolve("/dev/sda1", TWO, "ext4") == Found(
        ROOT, "/dev/sda1 was taken for partition 1 of disk 1, by the order of the disks"
    )
    assert resolve("/dev/sdb1", TWO, "ext3").volume == HOME
    assert resolve("/dev/nvme1n1p1", TWO, "ext4").volume == HOME
    assert resolve("/dev/sdz2", TWO, "swap") == Found(SWAP), "only one can be meant"


def test_what_cannot_be_told_stays_and_is_said() -> None:
    assert (
        resolve("/dev/sdc1", TWO, "ext4").remark
        == "/dev/sdc1 stays as it is, since several volumes fit: look at it in the virtual machine"
    )
    assert "no volume fits" in resolve("/dev/sda1", TWO, "xfs").remark
    assert resolve("/dev/sda7", TWO).volume is None


def test_a_name_that_lasts() -> None:
    assert stable(ROOT) == "UUID=r"
    assert stable(ROOT, early=True) == stable(ROOT, random_key=True) == "PARTUUID=p"
    assert stable(HOME, early=True) is None
    assert stable(Named(0, "unknown", 3)) is None
