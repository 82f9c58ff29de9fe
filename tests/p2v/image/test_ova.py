"""OVA archives: a plain tar, a description that is XML with every reference resolved, disks that qemu-img reads."""

import tarfile
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

from p2v.image.model import Identity
from p2v.image.ova import Machine, Ova
from tests.p2v.disks import run
from tests.p2v.image.render import SAMPLES, render, sample

IDENTITY = Identity(uuid.UUID(int=7), 1_700_000_000)
OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"


def test_every_disk_is_in_it_and_described(tmp_path: Path) -> None:
    samples = [sample(*SAMPLES[name], seed=seed) for seed, name in enumerate(("corners", "odd", "empty"))]
    writer = Ova([disk for disk, _ in samples], Machine('old <server> & "co"', vcpus=3, uefi=True), IDENTITY)
    image = tmp_path / "image.ova"
    render(writer, [data for _, data in samples], image)
    with tarfile.open(image) as archive:
        names = archive.getnames()
        assert names == ["machine.ovf", "disk1.vmdk", "disk2.vmdk", "disk3.vmdk", "machine.mf"]
        archive.extractall(tmp_path, filter="data")
    wanted = "".join(f"SHA1({name})= {run('sha1sum', tmp_path / name).split()[0]}\n" for name in names[:-1])
    assert (tmp_path / "machine.mf").read_text() == wanted
    root = ET.parse(tmp_path / "machine.ovf").getroot()
    files = {file.get(f"{OVF}id"): file for file in root.iter(f"{OVF}File")}
    disks = list(root.iter(f"{OVF}Disk"))
    assert len(files) == len(disks) == 3
    for (_, data), disk in zip(samples, disks, strict=True):
        file = files[disk.get(f"{OVF}fileRef")]
        path = tmp_path / str(file.get(f"{OVF}href"))
        assert int(str(file.get(f"{OVF}size"))) == path.stat().st_size
        assert int(str(disk.get(f"{OVF}capacity"))) == len(data)
        (tmp_path / "raw").write_bytes(data)
        assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "vmdk", tmp_path / "raw", path)
    hosts = [item.text for item in root.iter() if item.tag.endswith("HostResource")]
    assert hosts == ["ovf:/disk/disk1", "ovf:/disk/disk2", "ovf:/disk/disk3"]
    assert root.findtext(f"{OVF}VirtualSystem/{OVF}Name") == 'old <server> & "co"'
