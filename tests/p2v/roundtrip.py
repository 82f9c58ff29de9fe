"""Disks with every kind of content, and what comes back of them."""

import shutil
from pathlib import Path

from tests.p2v.check import assert_whole
from tests.p2v.disks import MIB, filesystem, make_disk, put, run, stale
from tests.p2v.volume_group import make_group, striped

KINDS = ["ext4", "unknown", "xfs", "btrfs", "ntfs", "vfat", "swap", "exfat"]
_PV_MIB = 40


def every_kind(folder: Path, table: str) -> tuple[Path, list[tuple[str, int, int]]]:
    """A disk with all of KINDS and a volume group of one ext4 in two pieces; and where each is: kind, start, length."""
    kinds = [*KINDS[:2], "lvm", *KINDS[2:]]
    disk = make_disk(folder, table, kinds)
    starts = [
        int(line.split("start=")[1].split(",")[0]) * 512
        for line in run("sfdisk", "-d", disk).splitlines()
        if "start=" in line and "type=5" not in line
    ]
    lengths = [
        int(line.split("size=")[1].split(",")[0]) * 512
        for line in run("sfdisk", "-d", disk).splitlines()
        if "size=" in line and "type=5" not in line
    ]
    places = list(zip(kinds, starts, lengths, strict=True))
    part = folder / "pv"
    stale(part, _PV_MIB * MIB)
    make_group(folder, {"pv0": part}, striped("root", (10, [("pv0", 28)]), (14, [("pv0", 2)])))
    data = filesystem(folder, "ext4").read_bytes()
    with part.open("r+b") as file:
        file.seek(29 * MIB)
        file.write(data[: 10 * MIB])
        file.seek(3 * MIB)
        file.write(data[10 * MIB :])
    put(disk, part, starts[2])
    return disk, places


def assert_all_whole(raw: Path, places: list[tuple[str, int, int]], folder: Path) -> None:
    """Every file system of a raw disk passes its checker and holds its files."""
    for kind, start, length in places:
        part = folder / f"{kind}.out"
        with raw.open("rb") as source, part.open("wb") as target:
            if kind == "lvm":
                for offset, size in ((29, 10), (3, 14)):
                    source.seek(start + offset * MIB)
                    target.write(source.read(size * MIB))
            else:
                source.seek(start)
                left = length
                while left:
                    block = source.read(min(MIB, left))
                    target.write(block) if block.strip(b"\0") else target.seek(len(block), 1)
                    left -= len(block)
                target.truncate()
        assert_whole("ext4" if kind == "lvm" else kind, part)
        part.unlink()


def to_raw(image: Path, form: str, folder: Path) -> Path:
    """The disk in an image, by qemu-img or the independent XVA reader."""
    raw = folder / "back.raw"
    raw.unlink(missing_ok=True)
    match form:
        case "raw":
            shutil.copy(image, raw)
        case "xva":
            from tests.p2v.image.xva_reader import read_xva

            (data,) = read_xva(image)[1].values()
            raw.write_bytes(data)
        case "ova":
            run("tar", "-xf", image, "-C", folder)
            run("qemu-img", "convert", "-f", "vmdk", "-O", "raw", folder / "disk1.vmdk", raw)
        case _:
            driver = {"vhd": "vpc"}.get(form, form)
            run("qemu-img", "convert", "-f", driver, "-O", "raw", image, raw)
    return raw
