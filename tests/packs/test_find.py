"""Packs on what is attached: sticks and discs that hold one are named, and nothing else is looked into."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.run import Completed, SystemRunner
from xeninstall.packs.find import Found, find

from .given import RUNNER, folder, pack_in
from .test_read import fat, iso


class Attached(SystemRunner):
    """Real but for the list of what is attached."""

    def __init__(self, *nodes: dict[str, object]) -> None:
        self.nodes = nodes
        self.looked_at: list[str] = []

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        if argv[0] == "lsblk":
            return Completed(tuple(argv), 0, json.dumps({"blockdevices": self.nodes}), "")
        self.looked_at += [word for word in argv if word.endswith((".img", ".iso"))]
        return super().run(argv, stdin=stdin, check=check, cwd=cwd)


def node(path: Path, fstype: str, **more: object) -> dict[str, object]:
    return {
        "path": str(path),
        "type": "part",
        "fstype": fstype,
        "label": None,
        "rm": True,
        "hotplug": True,
        "mountpoints": [None],
        **more,
    }


def test_sticks_and_discs_with_packs_are_found_and_can_be_read(tmp_path: Path) -> None:
    archive = tmp_path / "acme.tar"
    subprocess.run(["tar", "-C", folder(tmp_path / "pack"), "-cf", archive, "."], check=True)
    stick, disc = fat(tmp_path, archive), iso(tmp_path, tmp_path / "pack", "-R")
    runner = Attached(node(stick, "vfat", label="DRIVERS"), node(disc, "iso9660", type="rom"))
    found = find(runner, tmp_path / "no medium")
    assert found == [Found(f"{stick}:acme.tar", "DRIVERS"), Found(f"{disc}:.", "")]
    for one in found:
        assert pack_in(one.source, tmp_path / "place").manifest.name == "acme-raid"


def test_the_boot_medium_is_looked_through_where_it_is_mounted(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    folder(medium / "packs/acme")
    (medium / "live").mkdir()
    found = find(Attached(node(tmp_path / "x.iso", "iso9660", mountpoints=[str(medium)])), medium)
    assert found == [Found(f"{medium}/packs/acme", "")]
    assert pack_in(found[0].source, tmp_path / "place").manifest.name == "acme-raid"


def test_fixed_disks_other_file_systems_and_what_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "broken.iso"
    broken.write_bytes(b"x" * 1000)
    runner = Attached(
        node(tmp_path / "fixed.img", "ext4", rm=False, hotplug=False),
        node(tmp_path / "member.img", "linux_raid_member"),
        node(tmp_path / "blank.img", ""),
        node(broken, "iso9660"),
    )
    assert find(runner, tmp_path / "no medium") == []
    assert not [path for path in runner.looked_at if not path.endswith("broken.iso")]


def test_a_system_without_lsblks_answer_has_no_media(tmp_path: Path) -> None:
    class Nothing(Attached):
        def run(
            self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None
        ) -> Completed:
            return Completed(tuple(argv), 1, "", "")

    assert find(Nothing(), tmp_path / "no medium") == []
    assert isinstance(RUNNER, SystemRunner)
