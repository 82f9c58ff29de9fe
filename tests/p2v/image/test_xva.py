"""XVA archives, read back by an independent reader."""

import uuid
from pathlib import Path

import pytest

from p2v.image.model import Identity
from p2v.image.xva import Xva
from p2v.vm.model import VirtualMachine
from tests.p2v.image.render import MIB, SAMPLES, render, sample
from tests.p2v.image.xva_reader import read_xva

IDENTITY = Identity(uuid.UUID(int=8), 1_700_000_000)


@pytest.mark.parametrize("checksum", ["xxhash", "sha1"])
@pytest.mark.parametrize("name", SAMPLES)
def test_an_independent_reader_finds_the_disk(tmp_path: Path, name: str, checksum: str) -> None:
    disk, data = sample(*SAMPLES[name])
    render(Xva([disk], VirtualMachine("old"), IDENTITY, checksum=checksum), [data], tmp_path / "image")
    _, disks = read_xva(tmp_path / "image")
    assert list(disks.values()) == [data.ljust(-(-len(data) // (2 * MIB)) * 2 * MIB, b"\0")]


def test_twelve_disks_come_in_the_order_in_which_xapi_takes_them(tmp_path: Path) -> None:
    samples = [sample(2 * MIB, [(number * 4096, 4096)], seed=number) for number in range(12)]
    writer = Xva([disk for disk, _ in samples], VirtualMachine("old", memory_bytes=1024 * MIB, uefi=True), IDENTITY)
    render(writer, [data for _, data in samples], tmp_path / "image")
    records, disks = read_xva(tmp_path / "image")
    assert [disks[ref] for ref in sorted(disks)] == [data for _, data in samples]
    kind, vm = records["Ref:0000"]
    assert (kind, vm["name_label"], vm["HVM_boot_params"]["firmware"]) == ("VM", "old", "uefi")
    assert (vm["memory_static_max"], len(vm["VBDs"])) == (str(1024 * MIB), 12)
    for ref in vm["VBDs"]:
        _, vbd = records[ref]
        assert records[vbd["VDI"]][1]["VBDs"] == [ref]
