"""GRUB's boot code for BIOS, byte by byte as grub-bios-setup would write it."""

import struct
from pathlib import Path

import pytest

from xeninstall.apply.bios_boot import patched, write
from xeninstall.base.errors import Error
from xeninstall.base.sizes import MIB
from xeninstall.plan.model import Partition, PartitionType, PlannedDisk

_BOOT = bytes(range(256)) * 2
_CORE = bytes(reversed(range(256))) * 9 + b"tail"


def test_boot_finds_core_and_core_finds_its_rest() -> None:
    boot, core = patched(_BOOT, _CORE, 2048)
    assert boot[0x5C:0x64] == struct.pack("<Q", 2048)
    assert boot[0x66:0x68] == b"\x90\x90"
    assert len(core) == 5 * 512 and core[:500] == _CORE[:500]
    assert core[500:512] == struct.pack("<QHH", 2049, 4, 0x820)
    assert core[512 : len(_CORE)] == _CORE[512:] and not any(core[len(_CORE) :])
    unchanged = set(range(512)) - set(range(0x5C, 0x64)) - {0x66, 0x67}
    assert all(boot[at] == _BOOT[at] for at in unchanged)


@pytest.mark.parametrize(("boot", "core"), [(b"", _CORE), (_BOOT[:511], _CORE), (_BOOT, b"x" * 1023)])
def test_images_that_grub_does_not_build_are_refused(boot: bytes, core: bytes) -> None:
    with pytest.raises(Error, match="GRUB's boot images in the system image are damaged"):
        patched(boot, core, 2048)


def _place(tmp_path: Path, size_bytes: int = MIB) -> tuple[PlannedDisk, Partition]:
    disk = PlannedDisk(key="system", path=str(tmp_path / "disk"), identity="x", size_bytes=4 * MIB, image=True)
    (tmp_path / "disk").write_bytes(b"\xee" * 4 * MIB)
    part = Partition(number=1, name="bios", type=PartitionType.BIOS_BOOT, uuid="0" * 32, start_bytes=MIB, size_bytes=size_bytes)
    return disk, part


def test_nothing_but_boot_code_and_its_partition_is_written(tmp_path: Path) -> None:
    disk, part = _place(tmp_path)
    write(disk, part, _BOOT, _CORE)
    data = (tmp_path / "disk").read_bytes()
    boot, core = patched(_BOOT, _CORE, 2048)
    assert data[:440] == boot[:440]
    assert data[440:MIB] == b"\xee" * (MIB - 440), "the disk signature, the protective MBR and the GPT stay"
    assert data[MIB : MIB + len(core)] == core
    assert data[MIB + len(core) :] == b"\xee" * (3 * MIB - len(core))


def test_a_core_image_too_large_is_not_written_anywhere(tmp_path: Path) -> None:
    disk, part = _place(tmp_path, size_bytes=2048)
    with pytest.raises(Error, match=r"GRUB's core image \(2560 bytes\) does not fit into the BIOS boot partition"):
        write(disk, part, _BOOT, _CORE)
    assert (tmp_path / "disk").read_bytes() == b"\xee" * 4 * MIB
