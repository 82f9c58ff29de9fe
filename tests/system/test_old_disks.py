"""The disks of the past themselves: blkid and wipefs see in them what they are said to hold."""

from pathlib import Path

import pytest

from tests.given import actions, image_plan
from tests.p2v.disks import run
from tests.p2v.volume_group import looped
from xeninstall.apply.disks import wipe, write_partitions
from xeninstall.base.run import SystemRunner
from xeninstall.plan.model import WritePartitions

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


def test_wiped_and_divided_nothing_of_the_past_shows_up_in_a_new_partition(tmp_path: Path) -> None:
    disk = old_disks.much_used(tmp_path / "used")
    plan = image_plan(size_bytes=disk.stat().st_size)
    action = next(act for act in actions(plan) if isinstance(act, WritePartitions))
    with looped(disk) as node:
        real = plan.disks[0].model_copy(update={"image": False, "path": node})
        wipe(real, SystemRunner())
        write_partitions(action, real, SystemRunner())
    assert old_disks.signatures(disk) == [{"PMBR", "gpt"}, set(), set(), set(), set()]
