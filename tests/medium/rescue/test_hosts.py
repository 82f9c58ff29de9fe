"""Systems found on image files and, as lsblk shows them, on disks."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.given import Recorder
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, SystemRunner
from xeninstall.medium.rescue import hosts as module
from xeninstall.medium.rescue.assemble import assemble
from xeninstall.medium.rescue.hosts import Host, hosts, table
from xeninstall.medium.rescue.repair import NotRepairable, repair

_MIB = 2**20


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A GPT with two slots: a foreign system in the first, files without a system in the second, and garbage after them."""
    path, tree = tmp_path / "two.img", tmp_path / "tree"
    with path.open("wb") as file:
        file.truncate(64 * _MIB)
    layout = "label: gpt\nunit: sectors\n" + "".join(
        f"start={start * 2048}, size={size * 2048}, name={name}\n"
        for start, size, name in ((1, 20, "system-a"), (21, 20, "system-b"), (41, 5, "x"))
    )
    subprocess.run(["sfdisk", "--quiet", "--no-tell-kernel", path], input=layout, text=True, check=True)
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "usr/lib/os-release").write_text('PRETTY_NAME="Strange Linux 1"\n')
    (tree / "etc/hostname").write_text("\x1b[2Jstrange\n")
    for start, content in ((1, tree), (21, tree / "etc")):
        part = tmp_path / "part"
        with part.open("wb") as file:
            file.truncate(20 * _MIB)
        subprocess.run(["mkfs.ext4", "-q", "-d", str(content), str(part)], check=True)
        with path.open("r+b") as file:
            file.seek(start * _MIB)
            file.write(part.read_bytes())
    return path


@pytest.mark.root
def test_a_system_in_an_image_is_found_and_the_image_stays_as_it_was(image: Path) -> None:
    before = image.read_bytes()
    (found,) = hosts([str(image)], SystemRunner())
    assert found.shown == f"[2Jstrange: Strange Linux 1 on {image}#1, slot A"
    assert (found.start_bytes, found.size_bytes, found.ours) == (_MIB, 20 * _MIB, False)
    assert image.read_bytes() == before


@pytest.mark.root
def test_a_boot_loader_that_is_not_ours_is_left_alone(image: Path) -> None:
    (found,) = hosts([str(image)], SystemRunner())
    with pytest.raises(
        NotRepairable, match="lacks /usr/bin/grub-mkimage: its boot loader is not the one that xeninstall installs"
    ):
        repair(found, SystemRunner(), lambda line: None)
    loops = subprocess.run(["losetup", "--associated", str(image)], capture_output=True, text=True, check=True).stdout
    assert loops == ""


def test_a_file_without_a_partition_table_has_no_systems(tmp_path: Path) -> None:
    (tmp_path / "x.img").write_bytes(bytes(_MIB))
    assert table(str(tmp_path / "x.img"), SystemRunner()) == []
    assert hosts([str(tmp_path / "x.img")], SystemRunner()) == []
    with pytest.raises(Error, match="there is no /none"):
        hosts(["/none"], SystemRunner())


def _lsblk(*tree: dict[str, object]) -> Recorder:
    return Recorder(lambda argv: Completed(argv, 0, json.dumps({"blockdevices": tree}), "") if argv[0] == "lsblk" else None)


def test_on_disks_partitions_arrays_and_volumes_count_and_a_mirror_has_both_its_disks() -> None:
    array = {"name": "/dev/md127", "type": "raid1", "fstype": "ext4"}
    halves = [
        {"name": f"/dev/sd{letter}3", "type": "part", "fstype": "linux_raid_member", "partlabel": "system-a", "children": [array]}
        for letter in "ab"
    ]
    volume = {"name": "/dev/mapper/vg-root", "type": "lvm", "fstype": "xfs"}
    runner = _lsblk(
        {"name": "/dev/sda", "type": "disk", "children": [halves[0], {"name": "/dev/sda2", "type": "part", "fstype": "vfat"}]},
        {"name": "/dev/sdb", "type": "disk", "children": [halves[1]]},
        {"name": "/dev/sdc", "type": "disk", "fstype": "LVM2_member", "children": [volume]},
        {"name": "/dev/loop0", "type": "loop", "fstype": "ext4"},
    )
    found = module._on_machine("", runner)
    assert [(one.node, one.disks, one.slot, one.array) for one in found] == [
        ("/dev/md127", ("/dev/sda", "/dev/sdb"), "system-a", True),
        ("/dev/mapper/vg-root", ("/dev/sdc",), "", False),
    ]


def test_what_is_not_put_together_is_put_together_read_only() -> None:
    def play(argv: tuple[str, ...]) -> Completed | None:
        match argv[0]:
            case "lsblk":
                nodes = [{"name": "/dev/sda1", "fstype": "linux_raid_member"}, {"name": "/dev/sdb1", "fstype": "LVM2_member"}]
                return Completed(argv, 0, json.dumps({"blockdevices": nodes}), "")
            case "vgs":
                return Completed(argv, 0, "  xenvms\n  other\n", "")
            case "mdadm" if "--no-degraded" in argv:
                return Completed(argv, 1, "", "half of it is missing")
        return None

    runner = Recorder(play)
    assert assemble(runner) == ["arrays were assembled read-only", "volume group other was activated"]
    assert all("--readonly" in argv for argv in runner.ran if argv[0] == "mdadm")
    assert [argv[-1] for argv in runner.ran if argv[0] == "vgchange"] == ["other"], "volumes of VMs stay as they are"


def test_what_is_put_together_already_is_left_alone() -> None:
    array = {"name": "/dev/md127", "fstype": "ext4"}
    runner = _lsblk({"name": "/dev/sda1", "fstype": "linux_raid_member", "children": [array]})
    assert assemble(runner) == [] and runner.programs() == ["lsblk"]


def test_only_an_ext4_root_on_a_partition_is_repaired() -> None:
    host = Host("/dev/sda1", ("/dev/sda",), "xfs", "u", "Linux", "h", ours=False, node="/dev/sda1")
    with pytest.raises(NotRepairable, match="is xfs: not a root file system that xeninstall makes"):
        repair(host, Recorder(), lambda line: None)
