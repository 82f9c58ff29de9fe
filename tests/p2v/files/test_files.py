"""Files of real file systems that nobody mounted: found by name, read, and named by the bytes that they lie on."""

import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2v.files.model import TABLES, Files
from p2v.files.opened import TROUBLE, open_files
from p2v.layout.identify import identify
from p2v.layout.model import Kind
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.disks import FILES, MIB, filesystem, patch, run, unmount
from xeninstall.base.run import SystemRunner

KINDS = ["ext4", "ext2", "xfs", "btrfs", "ntfs", "vfat"]
UNSTORED = {"ext4": set(), "ext2": set(), "xfs": set(), "btrfs": set(), "vfat": set(), "ntfs": {"a.txt", "folder/deep.txt"}}


@contextmanager
def opened(part: Path, kind: str = "") -> Iterator[tuple[Files, FileReader]]:
    """As what it says it is, or where damage may have changed that, as what it was made to be."""
    reader = FileReader(part)
    try:
        known = Kind({"ext4": "ext", "vfat": "fat", "ext2": "ext"}.get(kind, kind)) if kind else identify(reader).kind
        files = open_files(known, part, reader, SystemRunner())
        assert files is not None
        yield files, reader
    finally:
        reader.close()


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_found_and_read(tmp_path: Path, kind: str) -> None:
    with opened(filesystem(tmp_path, kind)) as (files, reader):
        for name, data in FILES.items():
            if name in UNSTORED[kind] or not data:
                continue  # within its record, of which ntfscluster tells no place
            found = files.find(f"/{name}")
            assert found is not None, name
            assert found.size_bytes == len(data) or kind == "ntfs"
            assert found.read(reader, 0, len(data)) == data
            assert found.read(reader, 5000, 100) == data[5000:5100]
            assert found.read(reader, found.size_bytes, 10) == b""
        assert files.find("/none") is None and files.find("/folder/none") is None and files.find("/a.txt/none") is None
        assert kind == "ntfs" or files.find("/folder") is None, "a folder is no file"


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_a_file_are_named_by_it(tmp_path: Path, kind: str) -> None:
    part = filesystem(tmp_path, kind)
    middle = FILES["big.bin"][MIB : MIB + 4096]
    place = part.read_bytes().index(middle[:512])
    with opened(part) as (files, _):
        assert list(files.hit((Extent(place, 512),))) == ["/big.bin"]
        other = {"vfat": 512, "ntfs": 3 * MIB, "btrfs": 9 * MIB}.get(kind, 1024)
        said = list(files.hit((Extent(other, 512),)))
        assert said and "/big.bin" not in said
        assert said == [TABLES] or kind in ("ntfs", "btrfs")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_trouble_of_a_known_kind(tmp_path: Path, kind: str) -> None:
    part = filesystem(tmp_path, kind)
    rng = random.Random(5)
    with part.open("rb") as file:
        data = file.read(8 * MIB)
    places = [number for number in range(0, len(data), 512) if data[number : number + 512].strip(b"\0")]
    for _ in range(6 if kind in ("vfat", "btrfs") else 2):
        copy = tmp_path / "copy"
        shutil.copy(part, copy)
        for place in rng.sample(places, min(len(places), 60)):
            wide = struct.pack("<Q", rng.choice([0, (1 << 64) - 1, rng.getrandbits(64)]))
            patch(copy, place + rng.randrange(500), wide)
        try:
            with opened(copy, kind) as (files, reader):
                for name in ("/big.bin", "/folder/deep.txt"):
                    found = files.find(name)
                    if found is not None:
                        found.read(reader, 0, 4096)
                list(files.hit((Extent(rng.randrange(0, 8 * MIB, 512), 4096),)))
        except TROUBLE:
            continue


@pytest.mark.root
def test_btrfs_subvolumes_snapshots_and_packed_files(tmp_path: Path) -> None:
    part, place = filesystem(tmp_path, "btrfs"), tmp_path / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "-o", "loop,compress-force=zstd", part, place], capture_output=True).returncode:
        pytest.skip("the kernel cannot mount btrfs")
    text = b"NAME=Subvolume\n" * 2000
    try:
        run("btrfs", "subvolume", "create", place / "@")
        (place / "@/etc").mkdir()
        (place / "@/etc/os-release").write_bytes(text)
        (place / "@/etc/hostname").write_bytes(b"small\n")
        (place / "@/noise").write_bytes(random.Random(4).randbytes(MIB))
        run("btrfs", "subvolume", "snapshot", place / "@", place / "@before")
        run("sync", "-f", place)
    finally:
        unmount(place)
    spot = part.read_bytes().index(random.Random(4).randbytes(MIB)[:512])
    with opened(part) as (files, reader):
        for name, data in (("/etc/os-release", text), ("/etc/hostname", b"small\n")):
            found = files.find(name)
            assert found is not None and found.read(reader, 0, len(data) + 1) == data
        # How many are told depends on when the snapshot's leaf parted from the original's; the file itself always is.
        said = sorted(files.hit((Extent(spot, 512),)))
        assert "/noise (in subvolume @)" in said
        assert set(said) <= {"/noise (in subvolume @)", "/noise (in subvolume @before)"}
