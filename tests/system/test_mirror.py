"""Two mirrored disks, a third for VMs: installed where md works, booted with both, with one pulled, and with either alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .health import nothing_failed
from .qemu import Disk, Machine
from .workshop import blank, workshop

pytestmark = [pytest.mark.vm, pytest.mark.root]

GIB = 2**30


@pytest.fixture(scope="module")
def disks(example: Path, system_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Disk]]:
    """Disks that the installer has written inside a running Linux."""
    place = tmp_path_factory.mktemp("mirror")
    made = {
        name: Disk(blank(place / f"{name}.img", size), bus="scsi", serial=name, snapshot=False)
        for name, size in (("LEFT", 11 * GIB), ("RIGHT", 11 * GIB), ("EXTRA", 4 * GIB))
    }
    text = answers(
        disk='serial = "LEFT"\n[disk.mirror]\nserial = "RIGHT"',
        storage='type = "thin"\n[[storage.extra_disks]]\nserial = "EXTRA"\nerase = true',
    )
    with workshop(example, system_image, place, list(made.values()), text, name="mirror-workshop") as shop:
        said, status = shop.install()
        assert status == 0, said
        assert "LEFT" in said and "RIGHT" in said, "what will be lost is named by serial"
        assert shop.console.run("cat /proc/mdstat | grep -c '^md'") == ("0", 1), "no array is left assembled"
        shop.console.check("sync")
    yield made
    for disk in made.values():
        disk.path.unlink()


def login(machine: Machine) -> Console:
    """Boot to the login, under Xen."""
    machine.console.login("root", PASSWORD, LOGIN_SECONDS)
    assert "xen_major" in machine.console.check("xl info")
    return machine.console


def members(host: Console, array: str = "system") -> str:
    """`UU` for a whole mirror, `U_` or `_U` for one with a half missing."""
    name = host.check(f"basename $(readlink -f /dev/md/{array})")
    return host.check(f"grep -A1 '^{name} ' /proc/mdstat | grep -o '\\[[U_]*\\]$'").strip("[]")


def test_a_pulled_disk_is_survived_and_comes_back(disks: dict[str, Disk]) -> None:
    with Machine(list(disks.values()), name="mirror-both") as machine:
        host = login(machine)
        assert members(host) == "UU"
        nothing_failed(host)
        assert "vms" in host.check("lvs --noheadings -o lv_name xenvms")
        assert host.check("pvs --noheadings -o pv_name | wc -l") == "2", "the mirror's rest and the extra disk"
        watched = '[ "$(lvs --noheadings -o seg_monitor xenvms/vms | xargs)" = monitored ]'
        host.check(f"for t in $(seq 30); do {watched} && break; sleep 6; done; {watched}", 240)
        host.run("mdadm --wait /dev/md/system /dev/md/storage", 900)
        # Pull one while the host runs, write, and push it in again.
        machine.monitor("device_del disk1")
        host.check(
            "for t in $(seq 60); do grep -q '_' /proc/mdstat && break; sleep 1; done; date > /root/while-it-was-gone; sync", 120
        )
        assert members(host) in ("U_", "_U")
        right = disks["RIGHT"].path
        machine.monitor(f"drive_add 0 if=none,id=again,format=raw,cache=unsafe,file={right}")
        machine.monitor("device_add scsi-hd,bus=scsi.0,drive=again,id=disk9,serial=RIGHT")
        node = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_RIGHT"
        host.check(f"for t in $(seq 60); do [ -e {node}-part3 ] && break; sleep 1; done; udevadm settle", 120)
        for array in ("system", "storage"):
            number = {"system": 3, "storage": 4}[array]
            host.run(f"mdadm /dev/md/{array} --remove failed; mdadm /dev/md/{array} --remove detached", 60)
            host.run(f"mdadm /dev/md/{array} --re-add {node}-part{number} || mdadm /dev/md/{array} --add {node}-part{number}", 60)
        host.run("mdadm --wait /dev/md/system /dev/md/storage", 900)
        assert members(host) == "UU" and members(host, "storage") == "UU"
        host.check("sync")


def test_the_second_disk_boots_alone_by_uefi_and_has_everything(disks: dict[str, Disk]) -> None:
    alone = [Disk(disks[name].path, bus="scsi", serial=name) for name in ("RIGHT", "EXTRA")]
    with Machine(alone, firmware="uefi", name="mirror-right") as machine:
        host = login(machine)
        assert members(host) in ("U_", "_U")
        host.check("test -s /root/while-it-was-gone")
        nothing_failed(host)


def test_the_first_disk_boots_alone_by_bios(disks: dict[str, Disk]) -> None:
    alone = [Disk(disks[name].path, bus="scsi", serial=name) for name in ("LEFT", "EXTRA")]
    with Machine(alone, name="mirror-left") as machine:
        host = login(machine)
        assert members(host) in ("U_", "_U")
        host.check("test -s /root/while-it-was-gone")
