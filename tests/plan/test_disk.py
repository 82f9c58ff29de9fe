"""Disks in the plan: wiped, divided, mirrored, formatted; VM storage now or at the first boot."""

import subprocess
from pathlib import Path

import pytest

from tests.given import DATA, SEED, SYSTEM, actions, answers, files, image_plan, links, machine, plan_for
from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import GIB, MIB
from xeninstall.machine.model import Machine
from xeninstall.plan.build import build
from xeninstall.plan.disk import md_uuid
from xeninstall.plan.model import (
    ArrayOf,
    CreateArray,
    CreateThinPool,
    MakeFilesystem,
    MakeLink,
    PartitionOf,
    Remove,
    RunInHost,
    WipeDisk,
    WriteFile,
    WritePartitions,
)

_MIRROR = '[disk]\nserial = "S45NNA0M500201"\n[disk.mirror]\nserial = "S45NNA0M500202"'
_EXTRA = '[disk]\nserial = "{}"\n[[storage.extra_disks]]\nserial = "{}"\nerase = true'


def test_only_disks_of_the_plan_are_wiped_and_each_before_it_is_divided() -> None:
    plan = plan_for("bios-two-disks", '[disk]\nserial = "S45NNA0M500202"')
    assert [disk.path for disk in plan.disks] == ["/dev/sdb"]
    order = [type(act) for act in actions(plan) if isinstance(act, WipeDisk | WritePartitions)]
    assert order == [WipeDisk, WritePartitions]


def test_halves_of_a_mirror_are_divided_alike_with_uuids_of_their_own() -> None:
    plan = plan_for("bios-two-disks", _MIRROR)
    one, other = (act for act in actions(plan) if isinstance(act, WritePartitions))
    assert [(p.start_bytes, p.size_bytes, p.type) for p in one.partitions] == [
        (p.start_bytes, p.size_bytes, p.type) for p in other.partitions
    ]
    assert one.table_uuid != other.table_uuid
    assert not {p.uuid for p in one.partitions} & {p.uuid for p in other.partitions}


def test_the_smaller_disk_rules_a_mirror() -> None:
    computer = machine("bios-two-disks")
    disks = tuple(d.model_copy(update={"size_bytes": 100 * GIB}) if d.path == "/dev/sdb" else d for d in computer.disks)
    plan = build(answers(_MIRROR), SYSTEM, SEED, machine=computer.model_copy(update={"disks": disks}))
    for act in actions(plan):
        if isinstance(act, WritePartitions):
            assert act.partitions[-1].start_bytes + act.partitions[-1].size_bytes <= 100 * GIB - MIB


def test_a_mirror_holds_both_slots_and_the_storage() -> None:
    plan = plan_for("bios-two-disks", _MIRROR)
    arrays = {act.name: act.members for act in actions(plan) if isinstance(act, CreateArray)}
    assert list(arrays) == ["system", "slot-b", "storage"]
    for members in arrays.values():
        assert [member.disk for member in members] == ["system", "mirror"]
        assert len({member.number for member in members}) == 1
    assert plan.root == ArrayOf(name="system")
    pool = next(act for act in actions(plan) if isinstance(act, CreateThinPool))
    assert pool.devices == (ArrayOf(name="storage"),)


def test_file_systems_are_named_and_esps_of_a_mirror_are_interchangeable() -> None:
    made = [act for act in actions(plan_for("bios-two-disks", _MIRROR)) if isinstance(act, MakeFilesystem)]
    assert [(act.fstype, act.label) for act in made] == [("ext4", "xen-system"), ("vfat", "XEN-ESP"), ("vfat", "XEN-ESP")]
    assert made[1].uuid == made[2].uuid and len(made[1].uuid) == 9


def test_extra_disks_enlarge_the_pool_and_its_size_is_told() -> None:
    plan = plan_for("bios-two-disks", _EXTRA.format("S45NNA0M500201", "S45NNA0M500202"))
    pool = next(act for act in actions(plan) if isinstance(act, CreateThinPool))
    assert len(pool.devices) == 2
    assert plan.facts["VM storage"] == "thin pool, 1.7 TiB"


def test_a_rest_too_small_for_a_pool_is_refused_unless_another_disk_holds_it() -> None:
    with pytest.raises(RequirementError) as caught:
        image_plan('[storage]\ntype = "thin"', size_bytes=9 * GIB)
    assert caught.value.message == (
        "509 MiB are left for VM storage, too little for a thin pool; 1 GiB are needed: choose a larger disk, add one with "
        'storage.extra_disks, or set storage.type = "files"'
    )
    computer = machine("bios-two-disks")
    disks = tuple(d.model_copy(update={"size_bytes": 9 * GIB}) if d.path == "/dev/sda" else d for d in computer.disks)
    small = computer.model_copy(update={"disks": disks})
    plan = build(answers(_EXTRA.format("S45NNA0M500201", "S45NNA0M500202")), SYSTEM, SEED, machine=small)
    pool = next(act for act in actions(plan) if isinstance(act, CreateThinPool))
    assert [device.kind for device in pool.devices] == ["disk"]


def test_a_group_of_that_name_on_a_disk_that_stays_is_left_alone() -> None:
    stays = plan_for("foreign-xenvms", '[disk]\nserial = "S45NNA0M500901"')
    goes = plan_for("foreign-xenvms", '[disk]\nserial = "W4601XYZ"')
    names = [next(act.group for act in actions(plan) if isinstance(act, CreateThinPool)) for plan in (stays, goes)]
    assert names == ["xenvms2", "xenvms"]


# ---- where the installer's kernel has no device-mapper -------------------------------------------------------------------

_SCRIPT = "/usr/local/lib/xeninstall/create-storage"


def test_an_image_makes_its_pool_at_the_first_boot_before_guests_start() -> None:
    plan = image_plan('[storage]\ntype = "thin"', size_bytes=64 * GIB)
    assert not [act for act in actions(plan) if isinstance(act, CreateThinPool)]
    storage = next(act for act in actions(plan) if isinstance(act, WritePartitions)).partitions[-1]
    script = files(plan)[_SCRIPT]
    assert f"vgcreate -y xenvms /dev/disk/by-partuuid/{storage.uuid}\n" in script
    unit = files(plan)["/etc/systemd/system/xeninstall-storage.service"]
    assert "Before=xendomains.service\n" in unit and "ConditionPathExists=!/var/lib/xeninstall/storage-done\n" in unit
    assert "/etc/systemd/system/multi-user.target.wants/xeninstall-storage.service" in links(plan)
    subprocess.run(["sh", "-n", "-c", script], check=True)


def test_nothing_is_written_into_the_host_before_it_is_unpacked_since_unpacking_begins_with_an_empty_root() -> None:
    plan = image_plan('[storage]\ntype = "thin"', size_bytes=64 * GIB)
    names = [stage.name for stage in plan.stages]
    early = [act for stage in plan.stages[: names.index("unpack")] for act in stage.actions]
    assert not [act for act in early if isinstance(act, WriteFile | MakeLink | Remove | RunInHost)]


def test_an_extra_disk_is_then_named_for_good_since_letters_change_between_boots() -> None:
    plan = plan_for("no-dm-md", _EXTRA.format("S45NNA0M501001", "S45NNA0M501002"))
    script = files(plan)[_SCRIPT]
    assert " /dev/disk/by-id/ata-MZ7LH960HAJR0D3_S45NNA0M501002\n" in script
    assert "/dev/sd" not in script


def test_an_extra_disk_without_such_a_name_is_refused() -> None:
    computer = machine("no-dm-md")
    nameless = computer.model_copy(update={"disks": tuple(d.model_copy(update={"links": ()}) for d in computer.disks)})
    with pytest.raises(RequirementError) as caught:
        build(answers(_EXTRA.format("S45NNA0M501001", "S45NNA0M501002")), SYSTEM, SEED, machine=nameless)
    assert caught.value.message.startswith("/dev/sdb has no name in /dev/disk/by-id")


def test_files_need_no_device_mapper() -> None:
    plan = plan_for("no-dm-md", '[disk]\nserial = "S45NNA0M501001"\n[storage]\ntype = "files"')
    assert _SCRIPT not in files(plan)
    storage = [act for act in actions(plan) if isinstance(act, MakeFilesystem) and act.label == "xen-vms"]
    assert [act.device for act in storage] == [PartitionOf(disk="system", number=5)]


def test_uuids_as_mdadm_writes_them() -> None:
    assert md_uuid("00112233-4455-6677-8899-aabbccddeeff") == "00112233:44556677:8899aabb:ccddeeff"


@pytest.mark.parametrize("path", sorted((DATA / "machines").glob("*.json")), ids=lambda path: path.stem)
def test_no_recorded_machine_makes_the_planner_stumble(path: Path) -> None:
    computer = Machine.from_json(path.read_bytes())
    for disk in computer.disks:
        toml = f'[disk]\npath = "{disk.path}"\n[hardware]\nrequire_virtualization = false\naccept_secure_boot = true'
        try:
            plan = build(answers(toml), SYSTEM, SEED, machine=computer)
        except RequirementError as error:
            assert error.message and (not disk.usable or not computer.nics)
            continue
        assert disk.usable and [planned.path for planned in plan.disks] == [disk.path]
