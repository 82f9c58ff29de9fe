"""The overlay's file systems have the UUIDs of originals that are in sight, even mounted: only the overlay is changed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, run, sha
from xeninstall.base.run import CommandError, Completed, SystemRunner

from .real_disks import OLD_RELEASE, gpt, piece
from .test_mounts import no_traces
from .trees import write_tree

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]
_TREE = OLD_RELEASE + "=== /etc/fstab\n/dev/sda1 / {kind} defaults 0 1\n=== /etc/blkid.tab\nx\n"
_MAKE = {
    "ext4": (["mkfs.ext4", "-q", "-F"], 64, "ro,noload"),
    "xfs": (["mkfs.xfs", "-q", "-f"], 320, "ro,norecovery"),
    "btrfs": (["mkfs.btrfs", "-q", "-f"], 160, "ro,rescue=nologreplay"),
}


def root(path: Path, kind: str) -> Path:
    """A system on a file system of this kind."""
    make, mib, _ = _MAKE[kind]
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    run(*make, path)
    with at(path, path.with_suffix(".at"), "loop") as place:
        write_tree(_TREE.format(kind=kind), place)
    return path


@contextmanager
def at(device: object, place: Path, options: str) -> Iterator[Path]:
    """Mounted, by its owner."""
    place.mkdir()
    run("mount", "-o", options, device, place)
    try:
        yield place
    finally:
        run("umount", place)
        place.rmdir()


@contextmanager
def looped(path: Path, *options: object) -> Iterator[str]:
    """A device for it, as when it is in the machine."""
    device = run("losetup", "--find", "--show", *options, path).strip()
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("kind", list(_MAKE))
def test_the_original_beside_stays_as_it_is(kind: str, mounted: bool, tmp_path: Path) -> None:
    part = root(tmp_path / "part", kind)
    disk, image = tmp_path / "old.img", tmp_path / "new.img"
    (start,) = gpt(disk, [("L", part)])
    length = part.stat().st_size
    part.unlink()
    uuid = run("blkid", "-p", "-O", start, "-o", "value", "-s", "UUID", disk).strip()
    before = sha(disk)
    with ExitStack() as stack:
        # The whole disk, from which it is converted, and its partition, as the kernel shows them side by side.
        whole = stack.enter_context(looped(disk))
        original = stack.enter_context(looped(disk, "--offset", start, "--sizelimit", length))
        if kind == "btrfs":
            run("btrfs", "device", "scan", original)
        if mounted:
            place = stack.enter_context(at(original, tmp_path / "at", _MAKE[kind][2]))
        assert main(["convert", whole, "--repair", "--to", str(image), "--format", "raw"]) == 0
        if mounted:
            assert (place / "etc/fstab").read_text() == f"/dev/sda1 / {kind} defaults 0 1"
    assert sha(disk) == before
    no_traces()
    made = piece(image, start, length // MIB, tmp_path / "made")
    assert run("blkid", "-p", "-o", "value", "-s", "UUID", made).strip() == uuid
    with at(made, tmp_path / "made.at", "loop") as place:
        assert (place / "etc/fstab").read_text() == f"UUID={uuid} / {kind} defaults 0 1"
        assert (place / "var/lib/p2v/report.txt").is_file()


def test_btrfs_on_two_devices_is_not_put_together_with_the_originals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disks = [tmp_path / "one.img", tmp_path / "two.img"]
    for disk in disks:
        with disk.open("wb") as file:
            file.truncate(160 * MIB)
    run("mkfs.btrfs", "-q", "-f", "-d", "raid0", "-m", "raid1", *disks)
    with ExitStack() as stack:
        one, two = (stack.enter_context(looped(disk)) for disk in disks)
        run("btrfs", "device", "scan", one, two)
        with at(one, tmp_path / "at", "rw") as place:
            write_tree(_TREE.format(kind="btrfs"), place)
        run("sync", "-f", tmp_path)
        before = [sha(disk) for disk in disks]
        (tmp_path / "out").mkdir()
        assert main(["convert", *map(str, disks), "--repair", "--to", f"{tmp_path / 'out'}/", "--format", "raw"]) == 3
        run("sync", "-f", tmp_path)
        assert [sha(disk) for disk in disks] == before
        run("btrfs", "device", "scan", "--forget")
    assert "cannot be looked into: its btrfs spans 2 devices, which are not put together beside the originals" in (
        capsys.readouterr().err
    )
    no_traces()


def test_a_kernel_that_cannot_tell_two_of_one_uuid_apart_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Before67(SystemRunner):
        def run(self, argv: Sequence[str], **more: object) -> Completed:
            if argv[0] == "mount" and "btrfs" in argv:
                raise CommandError(argv, 32, f"mount: {argv[-1]}: mount(2) system call failed: File exists.")
            return super().run(argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("p2v.verbs.convert.SystemRunner", Before67)
    gpt(tmp_path / "old.img", [("L", root(tmp_path / "part", "btrfs"))])
    assert main(["convert", str(tmp_path / "old.img"), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 3
    said = "disk 1, partition 1 cannot be looked into: this machine has its btrfs mounted, and a kernel before Linux 6.7 does not"
    assert said in capsys.readouterr().err


def test_a_mount_that_shows_another_device_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("p2v.guest.mounts._shown", lambda *_: "/dev/sda1")
    gpt(tmp_path / "old.img", [("L", root(tmp_path / "part", "ext4"))])
    assert main(["convert", str(tmp_path / "old.img"), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 3
    assert "cannot be looked into: the kernel showed /dev/sda1 in place of the copy" in capsys.readouterr().err
    no_traces()
