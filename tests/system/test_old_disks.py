"""The disks of the past themselves: blkid and wipefs see in them what they are said to hold."""

from pathlib import Path

import pytest

from tests.p2v.disks import run

from . import old_disks
from .tree import partitions

pytestmark = pytest.mark.root


def test_every_old_signature_lies_where_the_new_partitions_will_be(tmp_path: Path) -> None:
    disk = old_disks.much_used(tmp_path / "used")
    whole, efi, system, storage = old_disks.under_the_new_layout(disk)
    assert whole == {"iso9660", "dos", "gpt", "linux_raid_member"}
    assert efi == {"crypto_LUKS"}
    assert system == {"linux_raid_member"}
    assert storage == {"LVM2_member", "zfs_member", "linux_raid_member"}


def test_somebody_elses_disk_has_an_unclean_file_system_a_mirror_s_half_a_volume_group_and_swap(tmp_path: Path) -> None:
    disk = old_disks.of_somebody(tmp_path / "others")
    assert old_disks.signatures(disk) == [{"PMBR", "gpt"}, {"ext4"}, {"linux_raid_member"}, {"LVM2_member"}, {"swap"}]
    unclean = partitions(disk)[0].start_bytes
    said = run("dumpe2fs", "-h", f"{disk}?offset={unclean}")
    assert "needs_recovery" in said
