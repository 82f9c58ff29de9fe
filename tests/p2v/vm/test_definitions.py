"""Each kind of definition as recorded; libvirt's judged by libvirt's own schema, the others by what their readers want."""

import re
import subprocess
import uuid
import xmlrpc.client
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p2v.cli import main
from p2v.image.model import Identity
from p2v.vm.libvirt import libvirt_xml
from p2v.vm.model import DiskImage, Mode, VirtualMachine
from p2v.vm.ovf import OvfDisk, ovf
from p2v.vm.xl import xl_config
from p2v.vm.xva import Vdi, ova_xml
from xeninstall.base.errors import UsageError

from .machines import UUID, vm_of

pytestmark = pytest.mark.usefixtures("own_signals")
GOLDEN = Path(__file__).parent.parent.parent / "data" / "vm"
_SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
MACHINES = ("bios-two-disks", "uefi-plain", "ten-nics")


def _ovf(vm: VirtualMachine) -> str:
    return ovf(vm, [OvfDisk(f"disk{number}", 70_000, 1 << 30, 1 << 20) for number in (1, 2)])


def _xva_bytes(vm: VirtualMachine) -> bytes:
    vdis = [Vdi(f"Ref:{10 + number:04d}", "old", 1 << 30) for number in range(2)]
    return ova_xml(vdis, vm, Identity(uuid.UUID(UUID), 1_700_000_000))


def _xva(vm: VirtualMachine) -> str:
    return _xva_bytes(vm).decode()


KINDS: dict[str, Callable[[VirtualMachine], str]] = {
    "hvm.cfg": xl_config,
    "pvh.cfg": lambda vm: xl_config(vm, Mode.PVH),
    "pv.cfg": lambda vm: xl_config(vm, Mode.PV),
    "grub.pvh.cfg": lambda vm: xl_config(replace(vm, plain_boot=False), Mode.PVH),
    "grub.pv.cfg": lambda vm: xl_config(replace(vm, plain_boot=False), Mode.PV),
    "libvirt.xml": lambda vm: libvirt_xml(replace(vm, virtio_disks=True, virtio_cards=True)),
    "unknown.libvirt.xml": libvirt_xml,
    "windows.libvirt.xml": lambda vm: libvirt_xml(replace(vm, windows=True, local_time=True, card="e1000e"), software=True),
    "windows.cfg": lambda vm: xl_config(replace(vm, windows=True, local_time=True, card="e1000e")),
    "xp.libvirt.xml": lambda vm: libvirt_xml(replace(vm, windows=True, local_time=True, ahci=False, card="rtl8139")),
    "xp.cfg": lambda vm: xl_config(replace(vm, windows=True, local_time=True, ahci=False, card="rtl8139")),
    "ovf": _ovf,
    "ova.xml": _xva,
    "windows.ova.xml": lambda vm: _xva(replace(vm, windows=True, local_time=True, utc_offset_seconds=-5 * 3600)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_definition_is_as_recorded(machine: str, kind: str, request: pytest.FixtureRequest) -> None:
    found = KINDS[kind](vm_of(machine))
    golden = GOLDEN / f"{machine}.{kind}"
    if request.config.getoption("--renew-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)
    assert found == golden.read_text()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.endswith("libvirt.xml")])
def test_libvirts_own_schema_takes_it(machine: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "vm.xml"
    path.write_text(KINDS[kind](vm_of(machine)))
    done = subprocess.run(["xmllint", "--noout", "--relaxng", _SCHEMA, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("make", [_ovf, _xva])
def test_xml_is_well_formed_with_any_text_in_it(make: Callable[[VirtualMachine], str], tmp_path: Path) -> None:
    path = tmp_path / "vm.xml"
    path.write_text(make(replace(vm_of("bios-two-disks"), name="<a> & 'b' \"c\"", origin="</x>&")))
    done = subprocess.run(["xmllint", "--noout", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("machine", MACHINES)
def test_xls_file_is_read_as_it_was_meant(machine: str) -> None:
    # xl's syntax is a subset of Python's, but for what it makes of a disk's text.
    vm = vm_of(machine)
    found: dict[str, object] = {}
    exec(compile(xl_config(vm), "xl.cfg", "exec"), {}, found)
    assert (found["name"], found["vcpus"], found["memory"]) == (vm.name, vm.vcpus, vm.memory_mib)
    assert found["disk"] == [
        "format=qcow2, vdev=xvda, access=rw, target=/srv/vm/old, first.qcow2",
        "format=raw, vdev=xvdb, access=rw, target=/dev/xenvg/old-1",
    ]
    assert found["vif"] == [f"mac={nic.mac},bridge=br0,model=e1000" for nic in vm.nics]


def test_ide_has_room_for_four_disks_and_the_others_are_not_lost(tmp_path: Path) -> None:
    vm = replace(vm_of("bios-two-disks", disks=6), ahci=False)
    text = libvirt_xml(vm)
    assert [text.count(f"bus='{bus}'/>") for bus in ("ide", "sata", "virtio")] == [4, 2, 0]
    names = re.findall("<target dev='([a-z]+)'", text)
    assert names == ["hda", "hdb", "hdc", "hdd", "sda", "sdb"]


@pytest.mark.parametrize(
    ("make", "form", "message"),
    [
        *((xl_config, form, f"xl runs no disk in the format {form}") for form in ("vmdk", "vdi", "vhdx", "ova", "xva", "null")),
        *((libvirt_xml, form, f"libvirt runs no disk in the format {form}") for form in ("vmdk", "vhdx", "ova", "xva", "null")),
    ],
)
def test_a_disk_that_a_host_would_take_for_raw_is_not_defined(
    make: Callable[[VirtualMachine], str], form: str, message: str
) -> None:
    vm = replace(vm_of("bios-two-disks"), disks=(DiskImage(f"/srv/vm/old.{form}", form),))
    with pytest.raises(UsageError, match=message):
        make(vm)


def test_a_streamed_vmdk_takes_no_writes_so_that_no_machine_runs_from_it(tmp_path: Path) -> None:
    raw, image = tmp_path / "disk.img", tmp_path / "disk.vmdk"
    raw.write_bytes(b"x" * (1 << 20))
    assert main(["convert", str(raw), "--to", str(image), "--format", "vmdk"]) == 0
    done = subprocess.run(["qemu-io", "-f", "vmdk", "-c", "write 0 4096", image], capture_output=True, text=True, check=False)
    assert "Could not write to allocated cluster for streamOptimized" in done.stdout + done.stderr


def test_xva_has_a_card_for_each_and_a_network_for_each_bridge() -> None:
    vm = vm_of("ten-nics")
    described = _xva_bytes(vm).decode()
    loaded, _ = xmlrpc.client.loads(f"<params><param>{described}</param></params>")
    records: list[dict[str, Any]] = loaded[0]["objects"]  # type: ignore[index, assignment, call-overload]
    vifs = [record["snapshot"] for record in records if record["class"] == "VIF"]
    networks = [record for record in records if record["class"] == "network"]
    assert [vif["MAC"] for vif in vifs] == [nic.mac for nic in vm.nics]
    assert [record["snapshot"]["bridge"] for record in networks] == ["br0"]
    assert {vif["network"] for vif in vifs} == {networks[0]["id"]}
    machine = next(record["snapshot"] for record in records if record["class"] == "VM")
    assert machine["VIFs"] == networks[0]["snapshot"]["VIFs"]
