"""The finished image itself: its size, its list, and that building it again gives the same bytes."""

import subprocess
from pathlib import Path

import pytest

from iso.builder import Build
from iso.lists import read_packages
from iso.measure import sha256
from iso.medium.make import ISO, PACKAGES, make_iso
from iso.medium.remaster import remaster
from xeninstall.base.run import SystemRunner

from .conftest import EXAMPLE
from .installer import REPOSITORY
from .medium import built

pytestmark = [pytest.mark.vm, pytest.mark.root]


def test_it_takes_no_more_than_400_megabytes() -> None:
    assert built(ISO).stat().st_size <= 400_000_000


def test_its_sum_is_written_down_and_its_packages_are_listed() -> None:
    assert f"{sha256(built(ISO))}  {ISO}" in (built(ISO).parent / "SHA256SUMS").read_text().splitlines()
    listed = {line.split()[0] for line in built(PACKAGES).read_text().splitlines()}
    assert set(read_packages(REPOSITORY / "iso/packages.txt").base.names) <= listed
    assert set(read_packages(REPOSITORY / "iso/medium/packages.txt").base.names) <= listed


def test_building_it_again_from_the_same_parts_gives_the_same_bytes(tmp_path: Path) -> None:
    output = tmp_path / "build"
    output.mkdir()
    for name in ("cache", "system.squashfs", "system.json"):
        (output / name).symlink_to(built(name))
    build = Build(SystemRunner(), REPOSITORY, output, read_packages(REPOSITORY / "iso/packages.txt"), print)
    assert make_iso(build)
    assert sha256(output / ISO) == sha256(built(ISO))


def test_a_remaster_takes_seconds_and_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("one.iso", "two.iso"):
        remaster(built(ISO), EXAMPLE, tmp_path / name, SystemRunner())
    assert sha256(tmp_path / "one.iso") == sha256(tmp_path / "two.iso") != sha256(built(ISO))
    read = subprocess.run(
        ["xorriso", "-osirrox", "on", "-indev", tmp_path / "one.iso", "-extract", "/xeninstall", tmp_path / "out"],
        capture_output=True,
    )
    assert read.returncode == 0
    assert (tmp_path / "out/answers.toml").read_bytes() == EXAMPLE.read_bytes()
