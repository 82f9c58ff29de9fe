"""Writing a stick: everything that is not one is refused by the reason, and what was written is read back.

The disk is a real loop device; what the kernel says of it is a folder of the test's, since no test machine has a stick.
"""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from iso.medium import usb
from iso.medium.usb import Kernel, Stick, find_stick, write
from xeninstall.base.errors import Error, ExitCode, RequirementError, Stopped, UsageError

MIB = 2**20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root")
pytestmark = [pytest.mark.root, needs_root]


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB, full of what was there before."""
    backing = tmp_path / "backing"
    backing.write_bytes(b"\xaa" * 8 * MIB)
    made = subprocess.run(["losetup", "--find", "--show", backing], capture_output=True, text=True, check=True).stdout.strip()
    yield Path(made)
    subprocess.run(["losetup", "--detach", made], check=True)


class Sysfs:
    """What the kernel tells about a stick with one partition, and how to make it something else."""

    def __init__(self, top: Path, device: Path) -> None:
        self.number = f"{os.major(device.stat().st_rdev)}:{os.minor(device.stat().st_rdev)}"
        self.disk = top / "sys/devices/pci0000:00/usb1/1-1/block/sdx"
        self.kernel = Kernel(top / "sys", top / "mounts", top / "swaps")
        self.say({"removable": "1", "ro": "0", "size": str(8 * MIB // 512), "dev": self.number})
        self.say({"device/vendor": "Acme   ", "device/model": "Stick 3000 ", "sdx1/partition": "1", "sdx1/dev": "259:77"})
        link = top / "sys/dev/block" / self.number
        link.parent.mkdir(parents=True)
        link.symlink_to(self.disk)
        self.kernel.mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
        self.kernel.swaps.write_text("Filename Type Size Used Priority\n")

    def say(self, values: dict[str, str]) -> None:
        """Write these files."""
        for name, text in values.items():
            path = self.disk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")


@pytest.fixture
def sysfs(tmp_path: Path, loop: Path) -> Sysfs:
    """The loop device, told of as a stick."""
    return Sysfs(tmp_path / "kernel", loop)


def test_a_stick_is_taken_with_its_name_and_size(loop: Path, sysfs: Sysfs) -> None:
    assert find_stick(loop, MIB, sysfs.kernel) == Stick(loop, 8 * MIB, "Acme Stick 3000")


def test_a_disk_on_usb_need_not_call_itself_removable(loop: Path, sysfs: Sysfs) -> None:
    sysfs.say({"removable": "0"})
    assert find_stick(loop, MIB, sysfs.kernel).path == loop


def test_a_disk_of_the_machine_is_refused_as_the_kernel_really_tells_of_it(loop: Path) -> None:
    with pytest.raises(RequirementError, match=f"^{loop} is neither removable nor on USB: it may be a disk of this machine$"):
        find_stick(loop, MIB)


def test_a_partition_is_refused_and_its_disk_named(loop: Path, sysfs: Sysfs, tmp_path: Path) -> None:
    link = tmp_path / "kernel/sys/dev/block" / sysfs.number
    link.unlink()
    link.symlink_to(sysfs.disk / "sdx1")
    with pytest.raises(UsageError, match="is a partition") as refused:
        find_stick(loop, MIB, sysfs.kernel)
    assert refused.value.hint == "name the whole disk: /dev/sdx"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ro": "1"}, "is read-only"),
        ({"size": "0"}, "has no medium in it"),
        ({"size": "100"}, r"has 50 KiB, the medium takes 1 MiB"),
        ({"holders/dm-3/x": ""}, "is in use: sdx belongs to dm-3"),
        ({"sdx1/holders/md127/x": ""}, "is in use: sdx1 belongs to md127"),
    ],
)
def test_what_cannot_take_the_medium_says_why(loop: Path, sysfs: Sysfs, values: dict[str, str], message: str) -> None:
    sysfs.say(values)
    with pytest.raises(RequirementError, match=message):
        find_stick(loop, MIB, sysfs.kernel)


def test_a_mounted_partition_is_refused_with_its_place(loop: Path, sysfs: Sysfs) -> None:
    sysfs.kernel.mounts.write_text("30 22 259:77 / /media/pictures rw - vfat /dev/sdx1 rw\n")
    with pytest.raises(RequirementError, match="is in use: sdx1 is mounted at /media/pictures"):
        find_stick(loop, MIB, sysfs.kernel)


def test_swap_is_refused(loop: Path, sysfs: Sysfs) -> None:
    sysfs.kernel.swaps.write_text("Filename Type Size Used Priority\n/dev/sdx1 partition 1 0 -2\n")
    with pytest.raises(RequirementError, match="is in use: sdx1 is swap space"):
        find_stick(loop, MIB, sysfs.kernel)


def test_a_file_and_a_name_without_a_disk_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is no disk"):
        find_stick(tmp_path / "file", MIB)
    with pytest.raises(UsageError, match="No such file or directory"):
        find_stick(tmp_path / "missing", MIB)


def test_it_is_written_read_back_and_the_old_partition_table_s_backup_is_gone(loop: Path, sysfs: Sysfs, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(os.urandom(5 * MIB + 2048))
    heard: list[tuple[str, int, int]] = []
    write(image, find_stick(loop, image.stat().st_size, sysfs.kernel), "", lambda *said: heard.append(said))
    written = loop.read_bytes()
    assert written[: 5 * MIB + 2048] == image.read_bytes()
    assert written[-MIB:] == bytes(MIB)
    assert [what for what, done, total in heard if done == total] == ["written", "read back"]


def test_an_image_that_was_damaged_on_this_machine_is_found_out(loop: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"other")
    with pytest.raises(Error, match="image is damaged: SHA256SUMS says otherwise"):
        write(image, Stick(loop, 8 * MIB, "Stick"), "0" * 64, lambda *_said: None)


def test_a_stick_that_does_not_keep_what_it_takes_is_found_out(
    loop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"\x01" * MIB)

    def lose(_disk: object) -> None:
        with loop.open("r+b") as disk:
            disk.seek(4096)
            disk.write(b"lost")

    monkeypatch.setattr(usb, "_forget", lose)
    with pytest.raises(Error, match="does not give back what was written to it"):
        write(image, Stick(loop, 8 * MIB, "Stick"), "", lambda *_said: None)


def test_nobody_is_taken_for_yes(loop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stick = Stick(loop, 8 * MIB, "Stick")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="nobody has agreed") as refused:
        usb.agreed(stick, "")
    assert refused.value.hint == "say so: make usb DEVICE=… ERASE=yes"
    usb.agreed(stick, "yes")
    assert f"{loop}: Stick, 8 MiB. Everything on it will be lost." in capsys.readouterr().out


def test_a_word_that_is_not_erase_stops_it(loop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: "yes")
    with pytest.raises(Stopped, match="nothing was written"):
        usb.agreed(Stick(loop, 8 * MIB, "Stick"), "")


def test_the_command_refuses_this_machine_s_disks_and_names_a_missing_image(
    loop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usb.main([str(loop), "--image", str(tmp_path / "no.iso")]) == ExitCode.USAGE
    assert f"usb: there is no {tmp_path}/no.iso\n  -> build it: make iso\n" == capsys.readouterr().err
    (tmp_path / "an.iso").write_bytes(b"x")
    assert usb.main([str(loop), "--image", str(tmp_path / "an.iso"), "--erase", "yes"]) == ExitCode.REQUIREMENTS
    assert loop.read_bytes() == b"\xaa" * 8 * MIB
