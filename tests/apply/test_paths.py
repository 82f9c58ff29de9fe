"""Where a run keeps its journal and its log."""

from pathlib import Path

import pytest

from xeninstall.apply.paths import is_disk, journal_of, log_of
from xeninstall.apply.target import STATE, place_of


@pytest.mark.parametrize(
    ("target", "disk"),
    [("/dev/sda", True), ("/dev/disk/by-id/x", True), ("/dev/no-such", True), ("host.img", False), ("/dev/shm/host.img", False)],
)
def test_device_nodes_are_disks_and_the_rest_are_files(target: str, disk: bool) -> None:
    assert is_disk(target) is disk


def test_an_images_records_lie_beside_it_by_whatever_name_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "real.img").touch()
    (tmp_path / "link.img").symlink_to("real.img")
    for name in ("real.img", "link.img", "./real.img"):
        assert journal_of(f"{tmp_path}/{name}") == tmp_path / "real.img.journal.json"
        assert log_of(f"{tmp_path}/{name}") == tmp_path / "real.img.log"


def test_a_disks_records_lie_where_root_keeps_its_state() -> None:
    assert journal_of("/dev/sdx").parent == log_of("/dev/sdx").parent == STATE
    assert journal_of("/dev/sdx") != journal_of("/dev/sdy")


def test_the_place_is_the_same_after_a_crash(tmp_path: Path) -> None:
    (tmp_path / "link.img").symlink_to("real.img")
    assert place_of(f"{tmp_path}/real.img") == place_of(f"{tmp_path}/link.img")
