"""File systems that were not left clean: their bitmaps may lag behind their journals, so no map of them is trusted."""

import shutil
from pathlib import Path

import pytest

from p2v.layout.identify import identify
from p2v.layout.ntfs import recognise
from p2v.layout.other import recognise_mapped
from p2v.source.file import FileReader
from tests.p2v.disks import MIB, filesystem, patch, run, stale, unmount


def why(path: Path) -> str:
    reader = FileReader(path)
    try:
        return identify(reader).whole_because
    finally:
        reader.close()


@pytest.mark.root
@pytest.mark.parametrize(
    ("kind", "expected"), [("ext4", "its journal waits to be replayed"), ("btrfs", "its log waits to be replayed")]
)
def test_one_that_is_still_mounted_is_unclean_and_clean_afterwards(tmp_path: Path, kind: str, expected: str) -> None:
    part = filesystem(tmp_path, kind)
    assert why(part) == ""
    place = tmp_path / "place"
    place.mkdir()
    run("mount", "-o", "loop", part, place)
    try:
        (place / "new").write_bytes(b"new" * MIB)
        run("sync", place / "new")
        shutil.copy(part, tmp_path / "pulled")
    finally:
        unmount(place)
    assert expected in why(tmp_path / "pulled")
    assert why(part) == ""


def test_a_fat_that_linux_or_windows_holds_is_unclean(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "vfat")
    assert why(part) == ""
    reserved = int.from_bytes(part.read_bytes()[14:16], "little") * 512
    patch(part, 65, b"\x01")  # Linux, by the boot sector of FAT32
    assert why(part) == "it was not unmounted"
    patch(part, 65, b"\x00")
    assert why(part) == ""
    patch(part, reserved + 7, b"\x07")  # Windows, by the second entry of the table
    assert why(part) == "it was not unmounted"


def test_a_dirty_or_sleeping_windows_volume_is_unclean(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "ntfs")
    assert why(part) == ""
    with part.open("rb") as file:
        data = file.read()
    record = data.index(b"FILE", int.from_bytes(data[0x30:0x38], "little") * 4096 + 3 * 1024)
    information = data.index(b"\x70\0\0\0", record)
    patch(part, information + 24 + 10, b"\x01")
    assert "dirty" in why(part)
    patch(part, information + 24 + 10, b"\x00")
    assert why(part) == ""
    assert "sleeps by Fast Startup" in _with_log(part, in_use=0, flags=0)
    assert _with_log(part, in_use=0, flags=2) == ""
    assert _with_log(part, in_use=0xFFFF, flags=0) == ""


def _with_log(part: Path, in_use: int, flags: int) -> str:
    said = run("ntfsinfo", "-f", "-i", "2", "-v", part)
    lines = said.splitlines()
    index = next(number for number, line in enumerate(lines) if line.strip().startswith("Runlist:"))
    cluster = int(lines[index + 1].split()[1], 16)
    page = bytearray(b"RSTR".ljust(4096, b"\0"))
    page[24:26] = (64).to_bytes(2, "little")
    page[64 + 12 : 64 + 16] = in_use.to_bytes(2, "little") + flags.to_bytes(2, "little")
    patch(part, cluster * 4096, bytes(page))
    reader = FileReader(part)
    content = recognise(reader)
    reader.close()
    assert content is not None
    return content.whole_because


def test_swap_with_a_hibernated_system_is_copied_whole(tmp_path: Path) -> None:
    part = filesystem(tmp_path, "swap")
    patch(part, 4096 - 10, b"S1SUSPEND\0")
    assert why(part) == "a hibernated system waits in it"


def test_bitmaps_of_clusters_are_not_trusted(tmp_path: Path) -> None:
    part = tmp_path / "bigalloc"
    stale(part, 64 * MIB)
    run("mkfs.ext4", "-q", "-F", "-O", "bigalloc", "-C", "65536", part)
    assert "bigalloc" in why(part)


def test_f2fs_is_known_clean_or_not(tmp_path: Path) -> None:
    part = tmp_path / "f2fs"
    stale(part, 64 * MIB)
    run("mkfs.f2fs", "-q", "-f", "-t", "0", part)
    reader = FileReader(part)
    content = recognise_mapped(reader)
    reader.close()
    assert content is not None and (content.title, content.size_bytes) == ("F2FS", 64 * MIB)
