"""Programs are looked for before anything is written, and all that are missing are named at once."""

from pathlib import Path

import pytest

from xeninstall.apply import tools
from xeninstall.apply.tools import ToolsMissing, check_tools
from xeninstall.base.run import PACKAGE_OF
from xeninstall.plan.model import (
    Action,
    FillEsp,
    MakeFilesystem,
    PartitionOf,
    Plan,
    PlannedDisk,
    Stage,
    UnpackSystem,
    WipeDisk,
)

ROOT = PartitionOf(disk="system", number=3)
ACTIONS: tuple[Action, ...] = (
    WipeDisk(disk="system"),
    MakeFilesystem(device=ROOT, fstype="ext4", uuid="0" * 8, label="xen-system"),
    UnpackSystem(sha256="0" * 64, unpacked_bytes=1, inodes=1),
    FillEsp(device=PartitionOf(disk="system", number=2), copies={}, texts={}),
)


def plan(*, image: bool) -> Plan:
    disk = PlannedDisk(key="system", path="/dev/null", identity="", size_bytes=0, image=image)
    stage = Stage(name="all", title="All", actions=ACTIONS)
    return Plan(seed="0" * 32, title="", disks=(disk,), root=ROOT, destroys=(), warnings=(), facts={}, stages=(stage,))


def only(names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_tool", lambda name: str(Path("/usr/bin") / name) if name in names else None)


def test_every_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    only({"chroot", "losetup", "mount", "umount", "sync", "mkfs.ext4"}, monkeypatch)
    with pytest.raises(ToolsMissing) as refused:
        check_tools(plan(image=True))
    assert refused.value.message == "programs are missing: unsquashfs, mcopy, mdir, mmd"
    assert refused.value.hint == "install the Debian packages: mtools squashfs-tools; nothing was written"


def test_a_disk_needs_more_than_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    only({"chroot", "losetup", "mount", "umount", "sync", "mkfs.ext4", "unsquashfs", "mcopy", "mdir", "mmd"}, monkeypatch)
    check_tools(plan(image=True))
    with pytest.raises(ToolsMissing, match="missing: lsblk, wipefs"):
        check_tools(plan(image=False))


def test_every_program_has_a_package() -> None:
    found: set[str] = set(tools._ALWAYS)
    for action in ACTIONS:
        found.update(tools._tools(action, False))
    assert found <= PACKAGE_OF.keys()
