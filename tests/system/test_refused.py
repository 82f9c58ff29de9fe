"""What cannot work is refused in words, with its exit code, and before anything was written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import EXAMPLE
from .installer import Run, leftovers, xeninstall
from .qemu import Disk, Machine

pytestmark = pytest.mark.root


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A path for an image; no test of this file may write to it."""
    return tmp_path / "host.img"


def run(target: Path, system: Path, *more: str, prefix: tuple[str, ...] = (), answers: Path = EXAMPLE) -> Run:
    """An installation that is going to be refused."""
    done = xeninstall("install", answers, "--target", target, "--system", system, *more, prefix=prefix)
    assert done.status != 0, done.stdout
    assert "Traceback" not in done.stderr
    assert "-> " in done.stderr, "every refusal says what to do"
    assert leftovers(target) == []
    return done


# ---- the system image ------------------------------------------------------------------------------------------------


@pytest.fixture
def altered(system_image: Path, tmp_path: Path) -> Path:
    """A copy of the system image that a test may damage."""
    for suffix in (".squashfs", ".json"):
        copy = tmp_path / f"system{suffix}"
        subprocess.run(["cp", "--reflink=auto", system_image.with_suffix(suffix), copy], check=True)
    return tmp_path / "system.squashfs"


def test_an_altered_system_image_is_refused_by_its_digest(altered: Path, target: Path) -> None:
    with altered.open("r+b") as file:
        file.seek(altered.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    actual = subprocess.run(["sha256sum", altered], capture_output=True, text=True, check=True).stdout.split()[0]
    refused = run(target, altered)
    assert refused.status == 1
    assert actual in refused.stderr and "sha256" in refused.stderr
    assert not target.exists()


def test_a_truncated_system_image_is_refused_by_its_size(altered: Path, target: Path) -> None:
    size = altered.stat().st_size
    os.truncate(altered, size - 4096)
    refused = run(target, altered)
    assert refused.status == 1
    assert str(size) in refused.stderr and str(size - 4096) in refused.stderr
    assert not target.exists()


def test_a_system_image_that_is_missing_or_badly_described_is_refused(altered: Path, target: Path, tmp_path: Path) -> None:
    absent = run(target, tmp_path / "absent.squashfs")
    assert absent.status == 2 and "absent.squashfs is missing" in absent.stderr
    altered.with_suffix(".json").write_text('{"format": 1}')
    assert run(target, altered).status == 2
    altered.with_suffix(".json").write_bytes(os.urandom(4096))
    assert run(target, altered).status == 2
    assert not target.exists()


# ---- the target ------------------------------------------------------------------------------------------------------


def test_a_target_that_is_too_small_is_refused(target: Path, system_image: Path) -> None:
    refused = run(target, system_image, "--size", "4G")
    assert refused.status == 3 and "too small" in refused.stderr
    assert not target.exists()


def test_an_existing_image_is_overwritten_only_when_the_answers_allow_it(
    target: Path, system_image: Path, tmp_path: Path
) -> None:
    target.write_bytes(b"precious" * 512)
    careful = tmp_path / "careful.toml"
    careful.write_text(EXAMPLE.read_text().replace("erase = true", "erase = false"))
    refused = run(target, system_image, answers=careful)
    assert refused.status == 3 and "erase" in refused.stderr
    assert target.read_bytes() == b"precious" * 512


def test_places_that_cannot_hold_an_image_are_refused(system_image: Path, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    assert run(tmp_path / "directory", system_image).status in (2, 3)
    missing = run(tmp_path / "nowhere/host.img", system_image)
    assert missing.status == 2 and "there is no directory" in missing.stderr
    os.mkfifo(tmp_path / "pipe")
    assert run(tmp_path / "pipe", system_image).status in (2, 3)
    absent = run(Path("/dev/no-such-disk"), system_image)
    assert absent.status == 3 and "/dev/no-such-disk" in absent.stderr


@contextmanager
def tmpfs(place: Path, options: str) -> Iterator[None]:
    """A small file system of its own."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_read_only_place_is_refused(system_image: Path, tmp_path: Path) -> None:
    place = tmp_path / "readonly"
    with tmpfs(place, "size=4M"):
        (place / "old.img").write_bytes(b"precious")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert run(place / "new.img", system_image).status in (1, 3)
        refused = run(place / "old.img", system_image)
        assert refused.status in (1, 3) and "read-only" in refused.stderr.lower()
        assert (place / "old.img").read_bytes() == b"precious"


def test_no_room_is_seen_before_anything_is_written(system_image: Path, tmp_path: Path) -> None:
    place = tmp_path / "small"
    with tmpfs(place, "size=300M"):
        refused = run(place / "host.img", system_image)
        assert refused.status == 3 and "free" in refused.stderr
        assert not (place / "host.img").exists()


def test_an_image_that_is_mounted_is_refused(target: Path, system_image: Path, tmp_path: Path) -> None:
    with target.open("wb") as file:
        file.truncate(64 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", target], check=True)
    place = tmp_path / "mounted"
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", target, place], check=True)
    try:
        (place / "precious").write_text("precious")
        done = xeninstall("install", EXAMPLE, "--target", target, "--system", system_image)
        assert done.status == 3 and "is mounted from it" in done.stderr
        assert (place / "precious").read_text() == "precious"
    finally:
        subprocess.run(["umount", place], check=True)
    assert leftovers(target) == []


def test_an_image_that_a_virtual_machine_runs_from_is_refused(target: Path, system_image: Path) -> None:
    with target.open("wb") as file:
        file.truncate(64 * 2**20)
    with Machine([Disk(target, snapshot=False)], name="holder", memory_mib=128, nics=()):
        refused = run(target, system_image)
    assert refused.status == 3 and "virtual machine" in refused.stderr


def test_the_disk_of_the_running_system_is_refused(system_image: Path) -> None:
    root = subprocess.run(["findmnt", "-nvo", "SOURCE", "/"], capture_output=True, text=True, check=True).stdout.strip()
    if not Path(root).is_block_device():
        pytest.skip(f"the root of this machine is {root}, no disk")
    disk = subprocess.run(["lsblk", "-ndo", "PKNAME", root], capture_output=True, text=True, check=True).stdout.strip()
    # Only planned: this test must not be the one that finds out.
    refused = run(Path(f"/dev/{disk}") if disk else Path(root), system_image, "--plan")
    assert refused.status == 3 and "running system" in refused.stderr


# ---- the machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "package"),
    [("unsquashfs", "squashfs-tools"), ("sfdisk", "fdisk"), ("mcopy", "mtools"), ("mkfs.vfat", "dosfstools")],
)
def test_a_missing_tool_is_named_with_its_package_before_anything_is_written(
    tool: str, package: str, target: Path, system_image: Path
) -> None:
    # In a mount namespace of its own the program is hidden behind something that cannot be run.
    hide = (
        'for place in /usr/bin /usr/sbin /bin /sbin; do [ ! -e $place/$0 ] || mount --bind /dev/null $place/$0; done; exec "$@"'
    )
    refused = run(target, system_image, prefix=("unshare", "--mount", "sh", "-c", hide, tool))
    assert refused.status == 1
    assert f"missing: {tool}" in refused.stderr and package in refused.stderr
    assert not target.exists()


def test_somebody_who_is_not_root_is_refused(target: Path, system_image: Path) -> None:
    refused = run(target, system_image, prefix=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"))
    assert refused.status == 2 and "root" in refused.stderr
    assert not target.exists()
