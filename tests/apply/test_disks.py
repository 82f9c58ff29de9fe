"""Disks made ready: images by the real programs, disks by what they are told."""

import json
from pathlib import Path

import pytest

from tests.given import Recorder, actions, image_plan, plan_for
from xeninstall.apply.disks import create_array, create_thin_pool, wipe, write_partitions
from xeninstall.apply.target import Ground, Target
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, SystemRunner
from xeninstall.base.sizes import GIB, MIB
from xeninstall.plan.model import CreateArray, CreateThinPool, PlannedDisk, WritePartitions

_MIRROR = '[disk]\nserial = "S45NNA0M500201"\n[disk.mirror]\nserial = "S45NNA0M500202"'


@pytest.mark.parametrize("size_gib", [9, 16, 64])
def test_the_table_on_an_image_is_the_planned_one(tmp_path: Path, size_gib: int) -> None:
    plan = image_plan(size_bytes=size_gib * GIB, path=str(tmp_path / "host.img"))
    disk, runner = plan.disks[0], SystemRunner()
    action = next(act for act in actions(plan) if isinstance(act, WritePartitions))
    wipe(disk, runner)
    write_partitions(action, disk, runner)
    image = Path(disk.path)
    assert image.stat().st_size == size_gib * GIB
    assert image.stat().st_blocks * 512 < 2 * MIB, "the image is sparse"
    table = json.loads(runner.run(["sfdisk", "--json", disk.path]).stdout)["partitiontable"]
    assert (table["label"], table["id"].lower()) == ("gpt", action.table_uuid)
    found = [(row["start"], row["size"], row["type"], row["uuid"].lower(), row["name"]) for row in table["partitions"]]
    assert found == [
        (part.start_bytes // 512, part.size_bytes // 512, part.type.value, part.uuid, part.name) for part in action.partitions
    ]
    runner.run(["sfdisk", "--verify", disk.path])


def test_a_second_run_finds_nothing_of_the_first(tmp_path: Path) -> None:
    plan = image_plan(path=str(tmp_path / "host.img"))
    Path(plan.disks[0].path).write_bytes(b"old" * 1000)
    wipe(plan.disks[0], SystemRunner())
    with Path(plan.disks[0].path).open("rb") as file:
        assert not any(file.read(MIB))


def test_sectors_of_4096_bytes_are_counted_as_such() -> None:
    plan, runner = plan_for("uefi-plain"), Recorder()
    disk = plan.disks[0].model_copy(update={"sector_bytes": 4096})
    action = next(act for act in actions(plan) if isinstance(act, WritePartitions))
    write_partitions(action, disk, runner)
    script = (runner.stdin[0] or b"").decode().splitlines()
    assert "sector-size: 4096" in script
    assert script[4].startswith("start=256, size=256, ")


def test_an_image_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    disk = PlannedDisk(key="system", path=str(tmp_path), identity="x", size_bytes=MIB, image=True)
    with pytest.raises(Error) as caught:
        wipe(disk, Recorder())
    assert caught.value.message == f"{tmp_path} cannot be created with 1048576 bytes: Is a directory"


def test_signatures_go_from_partitions_first_and_both_ends_are_emptied(tmp_path: Path) -> None:
    node = tmp_path / "sdx"
    node.write_bytes(b"\xff" * 8 * MIB)
    listing = f"{node} disk\n{node}1 part\n{node}2 part\n/dev/md0 raid1\n"
    runner = Recorder(lambda argv: Completed(argv, 0, listing, "") if argv[0] == "lsblk" else None)
    wipe(PlannedDisk(key="system", path=str(node), identity="x", size_bytes=8 * MIB), runner)
    assert [argv[-1] for argv in runner.ran if argv[0] == "wipefs"] == [f"{node}1", f"{node}2", str(node)]
    data = node.read_bytes()
    assert not any(data[: 2 * MIB]) and not any(data[6 * MIB :]) and all(data[2 * MIB : 6 * MIB])


def test_a_mirror_is_made_as_grub_and_initramfs_expect_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, runner = plan_for("bios-two-disks", _MIRROR), Recorder()
    target = Target(Ground.of(plan), runner)
    monkeypatch.setattr(target, "device", lambda where: f"/dev/{where.disk}{where.number}")
    array = next(act for act in actions(plan) if isinstance(act, CreateArray))
    create_array(array, target, runner)
    made = next(argv for argv in runner.ran if "--create" in argv)
    assert {"--level=1", "--raid-devices=2", "--metadata=1.2", "--homehost=any"} <= set(made)
    assert made[-2:] == ("/dev/system3", "/dev/mirror3")
    assert next(argv for argv in runner.ran if "--zero-superblock" in argv)[-1] == "/dev/system3"


def test_a_pool_left_by_a_killed_run_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_for("uefi-plain")
    pool = next(act for act in actions(plan) if isinstance(act, CreateThinPool))
    for left, removed in ((0, True), (5, False)):
        runner = Recorder(lambda argv, left=left: Completed(argv, left, "", "") if argv[0] == "vgs" else None)  # type: ignore[misc]
        target = Target(Ground.of(plan), runner)
        monkeypatch.setattr(target, "device", lambda where: "/dev/sda5")
        create_thin_pool(pool, target, runner)
        assert ("vgremove" in runner.programs()) is removed
        assert runner.programs()[-4:] == ["wipefs", "pvcreate", "vgcreate", "lvcreate"]
