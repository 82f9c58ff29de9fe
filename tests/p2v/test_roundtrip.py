"""The whole way: a disk with every kind of content becomes each format, and outside referees find all of it again."""

import json
import threading
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.convert import convert, map_sources
from p2v.journal import journal_of, read_journal
from p2v.request import Request
from p2v.restore import Restoration, restore
from p2v.source.file import FileReader
from p2v.types import Extents
from p2v.verify import WrongImage, verify
from tests.p2v.check import assert_whole
from tests.p2v.disks import patch, run, sha
from tests.p2v.roundtrip import assert_all_whole, every_kind, to_raw
from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.base.events import Event, Finished, Note, Progress
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root  # FUSE, loop devices

# Each with the options that it is made with.
FORMATS = {
    "qcow2": (),
    "qcow2 zstd": ("--compress",),
    "vhd": (),
    "vmdk": (),
    "vmdk deflate": ("--compress",),
    "ova": (),
    "xva": (),
    "xva sha1": ("--checksum", "sha1"),
    "vdi": (),
    "vhdx": (),
}
# Every format in one of the two; make test-vm makes all of them of both, and checks every file system in each.
TABLES = [
    ("gpt", ["qcow2", "vmdk deflate", "xva", "vhdx", "ova"]),
    ("dos-extended", ["vhd", "qcow2 zstd", "vmdk", "xva sha1", "vdi"]),
]


def make(disk: Path, to: Path, form: str) -> list[Event]:
    events: list[Event] = []
    convert(Request((str(disk),), str(to), form), SystemRunner(), events.append, threading.Event())
    return events


@pytest.mark.parametrize(("table", "names"), TABLES)
def test_every_file_system_comes_over_in_every_format(tmp_path: Path, table: str, names: list[str]) -> None:
    disk, places = every_kind(tmp_path, table)
    before = sha(disk)
    raw = tmp_path / "raw.img"
    events = make(disk, raw, "raw")
    assert [event.text.split(": ", 1)[1] for event in events if isinstance(event, Note)] == [
        "copied whole, since its content is not known"
    ]
    assert isinstance(events[-1], Finished)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done_bytes == progress[-1].total_bytes
    assert_all_whole(raw, places, tmp_path)
    assert raw.stat().st_blocks * 512 < 60 << 20
    used = read_journal(journal_of(raw)).job.sources[0].block_map().used
    for name in names:
        there_and_back(disk, name, used, tmp_path).unlink()
    assert sha(disk) == before, "the source is never written"


@pytest.mark.vm
@pytest.mark.parametrize("table", ["gpt", "dos-extended"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_file_system_is_checked_in_every_format(tmp_path: Path, table: str, name: str) -> None:
    disk, places = every_kind(tmp_path, table)
    before = sha(disk)
    used = map_of(disk)
    assert_all_whole(there_and_back(disk, name, used, tmp_path), places, tmp_path)
    assert sha(disk) == before, "the source is never written"


def map_of(disk: Path) -> Extents:
    reader = FileReader(disk)
    try:
        return map_sources([reader], SystemRunner())[0].block_map.used
    finally:
        reader.close()


def there_and_back(disk: Path, name: str, used: Extents, folder: Path) -> Path:
    """Made, verified, checked by QEMU, and back as a raw disk of which every byte in use is right."""
    form, size = name.split()[0], disk.stat().st_size
    image = folder / f"image.{form}"
    options = [*FORMATS[name], "--format", form]
    assert main(["convert", str(disk), "--to", str(image), *options]) == 0
    verify(image, SystemRunner(), lambda event: None)
    if form in ("qcow2", "vmdk", "vdi", "vhdx"):
        assert "No errors were found" in run("qemu-img", "check", image)
    if form in ("qcow2", "vhd", "vmdk", "vdi", "vhdx"):
        told = json.loads(run("qemu-img", "info", "--output=json", *(["-f", "vpc"] if form == "vhd" else []), image))
        assert told["virtual-size"] == (-(-size // (2 << 20)) * (2 << 20) if form == "vhd" else size)
    back = to_raw(image, form, folder)
    image.unlink()
    journal_of(image).unlink()
    with back.open("rb") as got, disk.open("rb") as wanted:
        for start, length in used:
            got.seek(start)
            wanted.seek(start)
            assert got.read(length) == wanted.read(length), f"{name}: bytes {start} to {start + length}"
    return back


def test_an_image_goes_back_onto_a_disk_and_damage_is_found_before(tmp_path: Path) -> None:
    from tests.p2v.disks import make_disk
    from tests.p2v.volume_group import looped

    disk = make_disk(tmp_path, "gpt", ["ext4", "vfat"])
    places = [("ext4", 1 << 20, 24 << 20), ("vfat", 25 << 20, 40 << 20)]
    image = tmp_path / "image.qcow2"
    make(disk, image, "qcow2")
    target = tmp_path / "target"
    target.write_bytes(b"\xa5" * disk.stat().st_size)
    with looped(target) as device:
        restore(Restoration(image, Path(device)), SystemRunner(), lambda event: None, threading.Event())
    assert_all_whole(target, places, tmp_path)
    chunk = read_journal(journal_of(image)).chunks[3]
    patch(image, chunk.offset + 100, b"\xff\x00\xff")
    target.write_bytes(b"\xa5" * disk.stat().st_size)
    with looped(target) as device, pytest.raises(WrongImage, match=f"bytes {chunk.offset} to"):
        restore(Restoration(image, Path(device)), SystemRunner(), lambda event: None, threading.Event())
    assert set(target.read_bytes()) == {0xA5}, "nothing was written"


def test_from_a_disk_onto_a_disk(tmp_path: Path) -> None:
    from tests.p2v.disks import make_disk
    from tests.p2v.volume_group import looped

    disk = make_disk(tmp_path, "gpt", ["ext4", "ntfs"])
    places = [("ext4", 1 << 20, 24 << 20), ("ntfs", 25 << 20, 16 << 20)]
    target = tmp_path / "target"
    target.write_bytes(b"\xa5" * (disk.stat().st_size + 4096))
    before = sha(disk)
    with looped(disk) as source, looped(target) as device:
        make(Path(source), Path(device), "raw")
        assert run("blockdev", "--getro", source).strip() == "0", "as it was before"
    assert_all_whole(target, places, tmp_path)
    assert sha(disk) == before
    with target.open("rb") as file:
        file.seek(10 << 20)
        free = file.read(1 << 20)
    assert free.count(0xA5) == 0, "what was on the target before is gone"
    small = tmp_path / "small"
    small.write_bytes(bytes(1 << 20))
    with looped(small) as device, pytest.raises(RequirementError, match="holds 1 MiB"):
        make(disk, Path(device), "raw")


@pytest.mark.parametrize("form", ["ova", "xva"])
def test_each_disk_of_an_archive_comes_back(tmp_path: Path, form: str) -> None:
    from tests.p2v.disks import filesystem

    disks = [filesystem(tmp_path, "ext4"), filesystem(tmp_path, "ext2")]
    image = tmp_path / f"image.{form}"
    convert(Request(tuple(map(str, disks)), str(image), form), SystemRunner(), lambda event: None, threading.Event())
    with pytest.raises(UsageError, match="holds 2 disks") as caught:
        restore(Restoration(image, tmp_path / "x"), SystemRunner(), lambda event: None, threading.Event())
    assert f"2 is {disks[1]}" in caught.value.hint
    with pytest.raises(UsageError, match="--disk 3 is none of them"):
        restore(Restoration(image, tmp_path / "x", 3), SystemRunner(), lambda event: None, threading.Event())
    for number, (disk, kind) in enumerate(zip(disks, ("ext4", "ext2"), strict=True), 1):
        back = tmp_path / f"back{number}"
        restore(Restoration(image, back, number), SystemRunner(), lambda event: None, threading.Event())
        assert back.stat().st_size == disk.stat().st_size
        assert_whole(kind, back)
