"""Volume groups as LVM itself wrote them."""

import random
from pathlib import Path

import pytest

from p2v.layout.lvm import read_pv, read_vg
from p2v.layout.lvm_text import parse
from p2v.layout.model import Damaged, Kind, Volume
from p2v.layout.read import read_layout
from p2v.source.file import FileReader
from p2v.types import Extent
from tests.p2v.disks import MIB, filesystem, make_disk, patch, put, stale
from tests.p2v.memory import Memory
from tests.p2v.volume_group import group_text, make_group, segments_by_lvm, striped, volume

root = pytest.mark.root


def physical(path: Path) -> Volume:
    reader = FileReader(path)
    found = read_layout(reader)
    reader.close()
    return found.volumes[0]


@root
def test_volumes_are_where_lvm_says_and_the_rest_is_free(tmp_path: Path) -> None:
    part = tmp_path / "pv"
    stale(part, 48 * MIB)
    ext = filesystem(tmp_path, "ext2")
    data = ext.read_bytes()
    put(part, ext, 0)  # to be overwritten by the label: leftovers must not confuse
    name = make_group(
        tmp_path, {"pv0": part}, striped("root", (5, [("pv0", 30)]), (3, [("pv0", 2)])) + striped("home", (4, [("pv0", 10)]))
    )
    patch(part, 31 * MIB, data[: 5 * MIB])
    patch(part, 3 * MIB, data[5 * MIB :])
    pv = physical(part)
    assert pv.content.kind is Kind.LVM
    first, second = pv.inner
    assert (first.name, first.content.title, first.content.whole_because) == (f"{name}/root", "ext2", "")
    assert first.segments == (Extent(31 * MIB, 5 * MIB), Extent(3 * MIB, 3 * MIB))
    assert second.segments == (Extent(11 * MIB, 4 * MIB),)
    assert pv.free == tuple(Extent(start * MIB, length * MIB) for start, length in ((1, 2), (6, 5), (15, 16), (36, 12)))
    assert ["root", "striped", "30"] in [line[:3] for line in segments_by_lvm(part)] or [
        "root",
        "linear",
        "30",
        "5",
    ] in segments_by_lvm(part)


@root
def test_what_other_volumes_build_upon_is_used_whole(tmp_path: Path) -> None:
    part = tmp_path / "pv"
    stale(part, 32 * MIB)
    pool = (
        'segment1 { start_extent = 0\nextent_count = 4\ntype = "thin-pool"\nmetadata = "pool_tmeta"\npool = "pool_tdata"\n'
        'transaction_id = 1\nchunk_size = 128\ndiscards = "passdown"\nzero_new_blocks = 1 }'
    )
    thin = 'segment1 { start_extent = 0\nextent_count = 8\ntype = "thin"\nthin_pool = "pool"\ntransaction_id = 0\ndevice_id = 1 }'
    volumes = (
        striped("pool_tmeta", (2, [("pv0", 0)]), visible=False)
        + striped("pool_tdata", (4, [("pv0", 4)]), visible=False)
        + volume("pool", pool)
        + volume("thin", thin)
    )
    make_group(tmp_path, {"pv0": part}, volumes)
    pv = physical(part)
    reasons = {inner.name.split("/")[1]: inner.content.whole_because for inner in pv.inner}
    assert reasons == {"pool_tmeta": "another volume builds upon it", "pool_tdata": "another volume builds upon it"}
    assert pv.free == (Extent(3 * MIB, 2 * MIB), Extent(9 * MIB, 23 * MIB))


@root
def test_a_volume_striped_within_one_disk_is_followed_and_one_over_other_disks_is_not(tmp_path: Path) -> None:
    disk = make_disk(tmp_path, "gpt", ["unknown", "unknown"])
    parts = {pv: tmp_path / pv for pv in ("pv0", "pv1", "pv2")}
    for part in parts.values():
        stale(part, 4 * MIB)
    volumes = striped("wide", (2, [("pv0", 0), ("pv1", 1)])) + striped("away", (2, [("pv0", 1), ("pv2", 0)]))
    make_group(tmp_path, parts, volumes)
    for part, start in zip(parts.values(), (MIB, 5 * MIB), strict=False):
        put(disk, part, start)
    reader = FileReader(disk)
    found = read_layout(reader)
    reader.close()
    wide, away = found.volumes[0].inner
    assert len(wide.segments) == 32
    assert wide.segments[:3] == (Extent(2 * MIB, 65536), Extent(7 * MIB, 65536), Extent(2 * MIB + 65536, 65536))
    assert away.content.whole_because == "a part of it is on another disk"
    assert (
        sum(extent.length for volume in found.volumes for extent in volume.free) == 3 * MIB
    )  # two volumes of the group are on this disk
    assert any("lies on other disks, too" in remark for remark in found.remarks)


@root
def test_damaged_metadata_means_that_all_of_it_is_used(tmp_path: Path) -> None:
    part = tmp_path / "pv"
    stale(part, 8 * MIB)
    make_group(tmp_path, {"pv0": part}, striped("root", (1, [("pv0", 0)])))
    text = part.read_bytes().index(b"extent_size = 2048")
    patch(part, text, b"extent_size = 2049")
    pv = physical(part)
    assert (pv.inner, pv.free, pv.content.whole_because) == ((), (), "the checksum of LVM's metadata is wrong")


def test_a_segment_that_reaches_a_disk_in_an_unknown_way_leaves_nothing_free() -> None:
    moving = 'segment1 { start_extent = 0\nextent_count = 1\ntype = "mirror"\nmirror_count = 2\nmirrors = ["pv0", 0, "pv0", 3] }'
    group = read_vg(group_text("vg", {"pv0": 8}, volume("pvmove0", moving, visible=False)))
    assert not group.free_is_known


def test_no_text_brings_the_parser_down() -> None:
    rng = random.Random(5)
    text = group_text("vg", {"pv0": 8, "pv1": 9}, striped("a", (4, [("pv0", 0), ("pv1", 2)])) + striped("b", (2, [("pv1", 7)])))
    for _ in range(1500):
        data = bytearray(text.encode())
        for _ in range(rng.randint(1, 4)):
            match rng.randrange(4):
                case 0:
                    data[rng.randrange(len(data))] = rng.randrange(256)
                case 1:
                    del data[rng.randrange(len(data)) :][: rng.randrange(40)]
                case 2:
                    place = rng.randrange(len(data))
                    data[place:place] = rng.choice([b"{", b"}", b"[", b"]", b"9" * 19, b"-1", b'"', b"="])
                case 3:
                    data = data[: rng.randrange(1, len(data))]
        try:
            read_vg(data.decode("utf-8", "replace"))
        except Damaged:
            continue


def test_deep_nesting_is_damage_not_a_crash() -> None:
    with pytest.raises(Damaged, match="too deeply"):
        parse("a {" * 5000)


def test_what_is_no_physical_volume_is_none() -> None:
    assert read_pv(Memory(bytes(4096))) is None
