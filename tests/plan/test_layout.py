"""How a system disk is divided, for every size that there is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.given import SEED
from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import GIB, MIB
from xeninstall.machine.model import SYSTEM_DISK_MINIMUM_BYTES
from xeninstall.plan.layout import Layout, divide
from xeninstall.plan.model import PartitionType


def _divide(disk_bytes: int, *, slot_bytes: int | None = None, mirrored: bool = False, seed: str = SEED) -> Layout:
    return divide(disk_bytes, slot_bytes=slot_bytes, mirrored=mirrored, storage_type=PartitionType.LVM, seed=seed, key="system")


# Sectors of 4096 bytes divide every size below, as they do on real disks.
@given(st.integers(SYSTEM_DISK_MINIMUM_BYTES // 4096, 2**52 // 4096), st.booleans())
def test_every_disk_that_is_large_enough_can_be_divided(blocks: int, mirrored: bool) -> None:
    size = blocks * 4096
    layout = _divide(size, mirrored=mirrored)
    parts = layout.partitions
    assert parts[0].start_bytes == MIB, "GPT and MBR gap come first"
    for part in parts:
        assert part.start_bytes % MIB == 0 and part.size_bytes % MIB == 0 and part.size_bytes > 0
    for one, following in pairwise(parts):
        assert one.start_bytes + one.size_bytes == following.start_bytes
    end = parts[-1].start_bytes + parts[-1].size_bytes
    # 32 sectors of entries and the header: 132 KiB even with sectors of 4096 bytes.
    assert size - end >= 33 * 4096
    assert size - end < 2 * MIB + 256 * MIB, "no more is left over than a storage too small to be worth a partition"
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len({part.uuid for part in parts}) == len(parts)
    assert (layout.slot_b is not None) == (size >= 32 * GIB)


@given(st.integers(0, 128 * GIB), st.integers(8 * GIB, 100 * GIB))
def test_slots_have_the_size_that_was_asked_for_or_are_refused_with_a_disk_that_would_do(size: int, slot: int) -> None:
    try:
        layout = _divide(size, slot_bytes=slot)
    except RequirementError as error:
        enough = int(error.hint.removesuffix(" GiB").rpartition(" ")[2]) * GIB
        assert enough > size
        assert _divide(enough, slot_bytes=slot).slot_a
        return
    slots = [part for part in layout.partitions if part.name.startswith("system-")]
    assert {part.size_bytes for part in slots} == {slot // MIB * MIB}


@pytest.mark.parametrize(
    ("disk_gib", "slot_gib", "text"),
    [
        (20, 24, "disk.system_size: a system slot of 24 GiB does not fit on a disk of 20 GiB"),
        (40, 24, "disk.system_size: two system slots of 24 GiB do not fit on a disk of 40 GiB"),
    ],
)
def test_slots_that_do_not_fit_are_refused_in_words(disk_gib: int, slot_gib: int, text: str) -> None:
    with pytest.raises(RequirementError) as caught:
        _divide(disk_gib * GIB, slot_bytes=slot_gib * GIB)
    assert caught.value.message == text
    assert caught.value.hint == f"leave it out, or choose a disk of at least {25 if disk_gib == 20 else 49} GiB"
    assert caught.value.exit_code == 3


def _sizes(layout: Layout) -> dict[str, int]:
    return {part.name: part.size_bytes // MIB for part in layout.partitions}


_SMALL = {"bios": 1, "esp": 512}


@pytest.mark.parametrize(
    ("disk_bytes", "sizes_mib"),
    [
        (9 * GIB, {"system-a": 8192, "storage": 509}),
        (32 * GIB - 4096, {"system-a": 8192, "storage": 32768 - 1 - 515 - 8192}),
        (32 * GIB, {"system-a": 8192, "system-b": 8192, "storage": 32768 - 515 - 2 * 8192}),
        (64 * GIB - 4096, {"system-a": 8192, "system-b": 8192, "storage": 65536 - 1 - 515 - 2 * 8192}),
        (64 * GIB, {"system-a": 16384, "system-b": 16384, "storage": 65536 - 515 - 2 * 16384}),
    ],
    ids=["9 GiB", "just below 32 GiB", "32 GiB", "just below 64 GiB", "64 GiB"],
)
def test_the_sizes_at_which_the_layout_changes(disk_bytes: int, sizes_mib: dict[str, int]) -> None:
    assert _sizes(_divide(disk_bytes)) == _SMALL | sizes_mib


def test_a_rest_too_small_for_anything_stays_free() -> None:
    layout = _divide(8707 * MIB + 255 * MIB)
    assert (layout.storage, layout.storage_bytes) == (None, 0)
    assert _divide(8707 * MIB + 256 * MIB).storage_bytes == 256 * MIB


def test_types_tell_other_systems_what_lies_where() -> None:
    alone, mirrored = _divide(64 * GIB), _divide(64 * GIB, mirrored=True)
    kinds = PartitionType
    assert [part.type for part in alone.partitions] == [kinds.BIOS_BOOT, kinds.ESP, kinds.ROOT, kinds.LINUX, kinds.LVM]
    assert [part.type for part in mirrored.partitions] == [kinds.BIOS_BOOT, kinds.ESP, *[kinds.RAID] * 3]


def test_uuids_come_from_the_seed_alone() -> None:
    assert _divide(64 * GIB) == _divide(64 * GIB)
    one, other = _divide(64 * GIB), _divide(64 * GIB, seed="f" * 32)
    assert not {part.uuid for part in one.partitions} & {part.uuid for part in other.partitions}
