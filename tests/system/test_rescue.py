"""A host whose boot loader was destroyed is found, looked into, and starts again."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner
from xeninstall.medium.rescue.enter import shell
from xeninstall.medium.rescue.hosts import hosts

from .installer import leftovers, xeninstall
from .qemu import Disk, Machine
from .tree import esp_files, mounted, partitions

pytestmark = pytest.mark.root

START_SECONDS = 420


@pytest.fixture
def broken(example: Path, images: Path) -> Iterator[Path]:
    """The example's host without a byte of what starts it: no boot code, no core image, no ESP, no menu."""
    image = images / f"broken{os.urandom(4).hex()}.img"
    subprocess.run(["cp", "--sparse=always", example, image], check=True)
    parts = partitions(image)
    with image.open("r+b") as file:
        file.write(bytes(440))
        for part in parts[:2]:
            file.seek(part.start_bytes)
            file.write(bytes(min(part.size_bytes, 4 * 2**20)))
    offset = ["-o", f"loop,offset={parts[2].start_bytes},sizelimit={parts[2].size_bytes}"]
    place = images / "root"
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", *offset, image, place], check=True)
    shutil.rmtree(place / "boot/grub")
    subprocess.run(["umount", place], check=True)
    yield image
    image.unlink()


def test_a_host_is_found_by_what_it_is(example: Path) -> None:
    run = xeninstall("rescue", "--target", example, "--list")
    assert run.stdout == f"1  xenhost: Debian GNU/Linux 13 (trixie) on {example}#3, slot A, by xeninstall\n"
    (found,) = json.loads(xeninstall("rescue", "--target", example, "--list", "--json").stdout)
    assert found["number"] == 1 and found["ours"] and found["slot"] == "system-a"


def test_its_boot_loader_comes_back_as_it_was_installed(example: Path, broken: Path, tmp_path: Path) -> None:
    for made_anew in (True, False):  # repairing twice is repairing once
        run = xeninstall("rescue", "--target", broken, "--host", "1", "--repair-boot")
        assert run.status == 0, run.stderr
        assert ("the EFI system partition had no file system: made anew" in run.stdout) is made_anew
    with example.open("rb") as one, broken.open("rb") as other:
        assert one.read(2 * 2**20) == other.read(2 * 2**20), "partition table, boot code and core image"
        one.seek(2**21)
        other.seek(2**21)
        assert one.read(512)[0x43:0x47] == other.read(512)[0x43:0x47], "the volume id that fstab looks for"
    assert esp_files(example, tmp_path / "one") == esp_files(broken, tmp_path / "two")
    assert _boot(example) == _boot(broken)
    assert leftovers(broken) == []


def _boot(image: Path) -> dict[str, bytes]:
    """What lies in /boot/grub."""
    with mounted(image) as root:
        top = root / "boot/grub"
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


def test_what_a_shell_in_it_sees_and_that_nothing_stays_mounted(example: Path) -> None:
    before = example.stat().st_mtime_ns
    (host,) = hosts([str(example)], SystemRunner())
    said: list[str] = []

    def interact(argv: Sequence[str]) -> int:
        script = "cat /etc/hostname; touch /etc/x 2>&1; ls -d /proc/self /sys/class /dev/null; cat /etc/resolv.conf"
        done = subprocess.run([*argv[:-1], "-c", script], capture_output=True, text=True, check=False)
        said.append(done.stdout)
        return 0

    assert shell(host, SystemRunner(), interact, write=False) == 0
    assert said[0].startswith("xenhost\n") and "Read-only file system" in said[0]
    assert said[0].endswith("/dev/null\n/proc/self\n/sys/class\n" + Path("/etc/resolv.conf").read_text())
    assert leftovers(example) == [] and example.stat().st_mtime_ns == before


@pytest.mark.parametrize("how", [KeyboardInterrupt(), Error("the shell is not well")])
def test_a_shell_that_ends_badly_leaves_nothing_mounted_either(how: BaseException, example: Path) -> None:
    (host,) = hosts([str(example)], SystemRunner())

    def interact(argv: Sequence[str]) -> int:
        raise how

    with pytest.raises(type(how)):
        shell(host, SystemRunner(), interact, write=True)
    assert leftovers(example) == []
    assert "xeninstall-rescue" not in Path("/proc/self/mounts").read_text()


def test_changes_are_kept_when_writing_was_asked_for(broken: Path) -> None:
    (host,) = hosts([str(broken)], SystemRunner())

    def interact(argv: Sequence[str]) -> int:
        return subprocess.run([*argv[:-1], "-c", "echo mended > /etc/mended"], check=False).returncode

    assert shell(host, SystemRunner(), interact, write=True) == 0
    with mounted(broken) as root:
        assert (root / "etc/mended").read_text() == "mended\n"


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        (("--write",), 2, "--write goes with --shell"),
        (("--repair-boot", "--host", "7"), 2, "--host 7 is none of those that were found"),
    ],
)
def test_wrong_usage_touches_nothing(more: tuple[str, ...], status: int, says: str, example: Path) -> None:
    run = xeninstall("rescue", "--target", example, *more)
    assert run.status == status and says in run.stderr


@pytest.mark.vm
def test_a_repaired_host_starts_xen_by_uefi_and_by_bios_also_what_is_on_its_root(broken: Path) -> None:
    assert xeninstall("rescue", "--target", broken, "--repair-boot").status == 0
    with Machine([Disk(broken)], firmware="uefi", name="repaired-uefi") as machine:
        machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
        machine.console.expect(r"\(XEN\) Freed [0-9]+kB init memory", 120)
    with Machine([Disk(broken)], name="repaired-bios") as machine:
        machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
        # Whatever the host's own systemd says first: its root was found. What comes after is the boot test's matter.
        machine.console.expect(r"systemd|login: ", START_SECONDS)
