"""What system.json says of the squashfs is so, and the squashfs holds what packages.txt promises."""

import re
import subprocess
from pathlib import Path

import pytest

from iso.lists import read_packages, read_pins
from iso.measure import sha256
from xeninstall import __version__
from xeninstall.plan.system_image import SystemImage

from .installer import REPOSITORY

POOL = "/var/lib/xeninstall/pool"


def unsquashfs(*words: str | Path) -> str:
    """What unsquashfs says; Debian keeps it in squashfs-tools."""
    return subprocess.run(["unsquashfs", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def described(system_image: Path) -> SystemImage:
    """The description that lies beside the image."""
    description = system_image.with_suffix(".json")
    return SystemImage.from_json(description.read_bytes(), where=str(description))


@pytest.fixture(scope="module")
def listing(system_image: Path) -> dict[str, str]:
    """Every path in the image with its line of `unsquashfs -lls`."""
    found = {}
    for line in unsquashfs("-d", "", "-lln", system_image).splitlines():
        if match := re.match(r"\S{10} \d+/\d+\s+[\d, ]+ [\d-]+ [\d:]+ (/.*?)(?: -> .*)?$", line):
            found[match[1]] = line
    assert len(found) > 10000
    return found


def test_size_and_digest_are_those_of_the_file(system_image: Path, described: SystemImage) -> None:
    assert described.size_bytes == system_image.stat().st_size
    assert described.sha256 == sha256(system_image)


def test_it_is_packed_with_zstd_and_holds_as_many_inodes_as_it_says(system_image: Path, described: SystemImage) -> None:
    said = unsquashfs("-s", system_image)
    assert re.search(r"^Compression zstd$", said, re.MULTILINE)
    assert re.search(r"^Block size 262144$", said, re.MULTILINE)
    assert re.search(rf"^Number of inodes {described.inodes}$", said, re.MULTILINE)


def test_the_boot_files_in_it_have_the_digests_that_it_says(system_image: Path, described: SystemImage, tmp_path: Path) -> None:
    assert set(described.boot_files) == {
        f"/boot/vmlinuz-{described.kernel}",
        f"/boot/initrd.img-{described.kernel}",
        f"/boot/{described.xen}",
    }
    unsquashfs("-n", "-d", tmp_path / "root", system_image, *(name.lstrip("/") for name in described.boot_files))
    assert {name: sha256(tmp_path / "root" / name.lstrip("/")) for name in described.boot_files} == described.boot_files


def test_every_package_of_packages_txt_is_installed_or_lies_in_its_set(described: SystemImage) -> None:
    packages = read_packages(REPOSITORY / "iso/packages.txt")
    assert set(packages.base.names) <= set(described.packages)
    assert {section.name: section.names for section in packages.sets} == {
        name: offline.packages for name, offline in described.sets.items()
    }


def test_the_files_of_every_set_are_in_it_and_nothing_beside_them(listing: dict[str, str], described: SystemImage) -> None:
    pool = {name.removeprefix(f"{POOL}/") for name in listing if name.startswith(f"{POOL}/")}
    assert pool == {"sets.json", *(deb for offline in described.sets.values() for deb in offline.debs)}
    assert all(offline.debs and offline.unpacked_bytes > 0 for offline in described.sets.values())


def test_it_has_the_product_compiled_and_its_vendored_packages(listing: dict[str, str], described: SystemImage) -> None:
    assert described.product == __version__
    assert listing["/usr/bin/xeninstall"].startswith("-rwxr-xr-x 0/0")
    home = "/usr/lib/xeninstall"
    sources = [name for name in listing if name.startswith(f"{home}/xeninstall/") and name.endswith(".py")]
    assert f"{home}/xeninstall/cli.py" in sources
    for name in sources:
        folder, _, file = name.rpartition("/")
        assert f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-313.pyc" in listing
    for pin in read_pins(REPOSITORY / "iso/vendored.txt"):
        assert f"{home}/vendor/{pin.name.replace('-', '_')}-{pin.version}.dist-info/METADATA" in listing


def test_it_has_manual_pages_and_completion(listing: dict[str, str]) -> None:
    assert {"/usr/share/man/man8/xeninstall.8", "/usr/share/man/man5/xeninstall-answers.5"} <= set(listing)
    assert "/usr/share/bash-completion/completions/xeninstall" in listing


def test_no_identity_key_or_log_of_the_build_is_in_it(listing: dict[str, str]) -> None:
    assert not [name for name in listing if re.match(r"/etc/ssh/ssh_host_|/etc/nvme/host|/var/lib/dbus/machine-id", name)]
    assert not [name for name in listing if re.match(r"/var/lib/apt/lists/.*_|/var/log/.*\.log|/var/cache/apt/.*\.bin", name)]
    assert re.match(r"-rw-r--r-- 0/0 +0 ", listing["/etc/machine-id"])
    assert "stub-resolv.conf" in listing["/etc/resolv.conf"]


def test_it_has_no_setuid_program_but_debians_own(listing: dict[str, str]) -> None:
    owned = {name for name, line in listing.items() if line[3] in "sS"}
    assert "/usr/bin/su" in owned
    assert not [name for name in owned if name.startswith(("/usr/lib/xeninstall", "/var"))]
