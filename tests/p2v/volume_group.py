"""A real LVM volume group in a file. The kernel may lack device-mapper, so LVM itself writes metadata of our text."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.p2v.disks import MIB, run

_QUIET = ("-q", "-q", "--config", "backup{backup=0 archive=0}")
PE_START = MIB


@contextmanager
def looped(path: Path) -> Iterator[str]:
    """The file as a loop device."""
    device = run("losetup", "--find", "--show", path).strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)


def uid(text: str) -> str:
    """An LVM UUID that anyone can recognise."""
    raw = text.replace("_", "").ljust(32, "x")
    return "-".join([raw[:6], *(raw[6 + 4 * i : 10 + 4 * i] for i in range(5)), raw[26:]])


def striped(name: str, *segments: tuple[int, list[tuple[str, int]]], visible: bool = True, stripe_kib: int = 64) -> str:
    """A logical volume of extents of 1 MiB: segments of (count, [(pv, first extent), …])."""
    text, place = [], 0
    for number, (count, stripes) in enumerate(segments, 1):
        listed = ", ".join(f'"{pv}", {first}' for pv, first in stripes)
        size = f"stripe_size = {stripe_kib * 2}\n" if len(stripes) > 1 else ""
        text.append(
            f'segment{number} {{ start_extent = {place}\nextent_count = {count}\ntype = "striped"\n'
            f"stripe_count = {len(stripes)}\n{size}stripes = [ {listed} ] }}"
        )
        place += count
    return volume(name, "\n".join(text), len(segments), visible=visible)


def volume(name: str, segments: str, count: int = 1, *, visible: bool = True) -> str:
    """A logical volume with segments in LVM's own words."""
    status = '"READ", "WRITE"' + (', "VISIBLE"' if visible else "")
    return f'{name} {{ id = "{uid(name)}"\nstatus = [{status}]\nflags = []\nsegment_count = {count}\n{segments} }}\n'


def group_text(name: str, pvs: dict[str, int], volumes: str) -> str:
    """A group of physical volumes, each of that many extents of 1 MiB."""
    listed = "".join(
        f'{pv} {{ id = "{uid(name + pv)}"\ndevice = "/dev/none"\nstatus = ["ALLOCATABLE"]\nflags = []\n'
        f"dev_size = {(count + 1) * 2048}\npe_start = {PE_START // 512}\npe_count = {count} }}\n"
        for pv, count in pvs.items()
    )
    return (
        f'contents = "Text Format Volume Group"\nversion = 1\ndescription = "test"\ncreation_time = 1\n'
        f'{name} {{ id = "{uid(name)}"\nseqno = 5\nformat = "lvm2"\nstatus = ["RESIZEABLE", "READ", "WRITE"]\nflags = []\n'
        f"extent_size = 2048\nmax_lv = 0\nmax_pv = 0\nmetadata_copies = 0\n"
        f"physical_volumes {{ {listed} }}\nlogical_volumes {{ {volumes} }} }}\n"
    )


def make_group(folder: Path, parts: dict[str, Path], volumes: str) -> str:
    """Turn files into the physical volumes of a new group, by LVM's own tools; its name is in the result."""
    name = f"vg{secrets.token_hex(4)}"
    sizes = {pv: path.stat().st_size // MIB - 1 for pv, path in parts.items()}
    text = folder / f"{name}.vg"
    text.write_text(group_text(name, sizes, volumes))
    with looped_all(list(parts.values())) as devices:
        listed = ("--devices", ",".join(devices))
        for pv, device in zip(parts, devices, strict=True):
            run("pvcreate", *_QUIET, *listed, "--uuid", uid(name + pv), "--norestorefile", "-ff", "-y", device)
        run("vgcfgrestore", *_QUIET, *listed, "--force", "-f", text, name)
    return name


def segments_by_lvm(path: Path) -> list[list[str]]:
    """What LVM itself says of the volume's segments: volume, type, first extent on the disk."""
    with looped(path) as device:
        fields = "lv_name,segtype,pvseg_start,pvseg_size"
        command = ["pvs", "--devices", device, "--noheadings", "--segments", "-o", fields]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [line.split() for line in said.splitlines() if len(line.split()) >= 3]


@contextmanager
def looped_all(paths: list[Path]) -> Iterator[list[str]]:
    """Several files as loop devices."""
    if not paths:
        yield []
        return
    with looped(paths[0]) as first, looped_all(paths[1:]) as rest:
        yield [first, *rest]
