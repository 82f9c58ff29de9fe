"""A target that has to be mounted is mounted for the time of the work, and what cannot be is refused in words."""

import os
from pathlib import Path

import pytest

from p2v.place import Mount, folder_of, is_folder, mount_of
from tests.given import Recorder
from tests.p2v.disks import MIB, run
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Completed, SystemRunner


def test_targets_in_words() -> None:
    assert mount_of("/mnt/x") is None
    assert mount_of("LABEL=BACKUP:/vms/") == Mount("", "LABEL=BACKUP", "vms")
    assert mount_of("UUID=12-34") == Mount("", "UUID=12-34", "")
    assert mount_of("nfs://server/export/a%20b") == Mount("nfs", "server:/export/a b", "")
    assert mount_of("nfs://[2001:db8::1]/x") == Mount("nfs", "[2001:db8::1]:/x", "")
    for wrong in ("nfs://server", "nfs:///x"):
        with pytest.raises(UsageError, match="names no folder of a server"):
            mount_of(wrong)
    assert [is_folder(one) for one in ("/a", "LABEL=x", "nfs://h/x", "ssh://h/x")] == [True, True, True, False]


def test_a_folder_is_made_and_one_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with folder_of(str(tmp_path / "a/b"), Recorder()) as folder:
        assert folder.is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(Error, match="cannot be made"), folder_of(str(tmp_path / "file/x"), Recorder()):
        pass


def test_what_cannot_be_mounted_is_said_in_mounts_own_words(tmp_path: Path) -> None:
    runner = Recorder(lambda argv: Completed(argv, 32, "", "x\nmount: can't find LABEL=B.\n") if argv[0] == "mount" else None)
    with pytest.raises(Error, match="LABEL=B cannot be mounted: mount: can't find LABEL=B"):
        with folder_of("LABEL=B:/x", runner, tmp_path):
            pass


@pytest.mark.root
def test_a_folder_that_is_mounted_read_only_is_refused(tmp_path: Path) -> None:
    run("mount", "-t", "tmpfs", "-o", "ro", "none", tmp_path)
    try:
        with pytest.raises(Error, match="cannot be written to"), folder_of(str(tmp_path), Recorder()):
            pass
    finally:
        run("umount", tmp_path)


@pytest.mark.root
def test_a_disk_is_mounted_by_its_uuid_and_unmounted(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(16 * MIB)
    run("mkfs.ext4", "-q", "-F", disk)
    uuid = run("blkid", "-o", "value", "-s", "UUID", disk).strip()
    loop = run("losetup", "-f", "--show", disk).strip()
    try:
        mounted = tmp_path / "mounted"
        with folder_of(f"UUID={uuid}:/vms/new", SystemRunner(), mounted) as folder:
            (folder / "x").write_text("x")
            assert os.path.ismount(folder.parent.parent)
        assert not any(os.path.ismount(place) for place in mounted.iterdir())
        with folder_of(f"UUID={uuid}:/vms/new", SystemRunner(), mounted) as folder:
            assert (folder / "x").read_text() == "x"
    finally:
        run("losetup", "-d", loop)
