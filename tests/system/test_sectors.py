"""A disk with sectors of 4096 bytes (4Kn): installed inside a running Linux, started by UEFI, which alone can."""

from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD
from .health import nothing_failed
from .qemu import Disk, Machine
from .workshop import blank, workshop

pytestmark = [pytest.mark.vm, pytest.mark.root]


def test_a_disk_with_sectors_of_4096_bytes_is_installed_and_boots(example: Path, system_image: Path, tmp_path: Path) -> None:
    target = Disk(
        blank(tmp_path / "target.img", 14 * 2**30), bus="virtio", serial="BIGSECTORS", snapshot=False, sector_bytes=4096
    )
    text = answers(disk='serial = "BIGSECTORS"', storage='type = "thin"')
    with workshop(example, system_image, tmp_path, [target], text, name="sectors-workshop") as shop:
        assert shop.console.check("blockdev --getss /dev/disk/by-id/virtio-BIGSECTORS") == "4096"
        said, status = shop.install()
        assert status == 0, said
    with Machine([target], firmware="uefi", name="sectors") as machine:
        host = machine.console
        host.login("root", PASSWORD, 480)
        assert "xen_major" in host.check("xl info")
        assert "vms" in host.check("lvs --noheadings -o lv_name xenvms")
        nothing_failed(host)
