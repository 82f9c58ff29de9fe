"""Every recorded machine loads, round-trips to the same bytes, is what the probe makes of it, and stands for something."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xeninstall.machine.model import Disk, FirmwareMode, Machine, Reason, Verdict

from .machines import MACHINES
from .recorded import DATA, record


def load(name: str) -> Machine:
    return Machine.from_json((DATA / f"{name}.json").read_bytes())


def reasons(disk: Disk) -> set[Reason]:
    return {obstacle.reason for obstacle in disk.obstacles}


def usable(machine: Machine) -> list[str]:
    return [disk.path for disk in machine.disks if disk.usable]


def descriptions(machine: Machine, kind: str) -> list[str]:
    return [content.description for disk in machine.disks for content in disk.contents if content.kind == kind]


def test_every_file_is_known_and_every_machine_has_its_file() -> None:
    assert sorted(path.stem for path in DATA.glob("*.json")) == sorted(MACHINES)


@pytest.mark.parametrize("name", MACHINES)
def test_it_round_trips_to_the_same_bytes(name: str) -> None:
    data = (DATA / f"{name}.json").read_bytes()
    assert Machine.from_json(data).to_json().encode() == data


@pytest.mark.parametrize("name", MACHINES)
def test_it_is_what_the_probe_finds(name: str, tmp_path: Path) -> None:
    assert record(name, tmp_path) == (DATA / f"{name}.json").read_text(), "if meant: python -m tests.machine.recorded"


@pytest.mark.parametrize("name", MACHINES)
def test_it_names_no_place_of_the_machine_that_recorded_it(name: str) -> None:
    text = (DATA / f"{name}.json").read_text()
    assert json.loads(text)["notes"] == []
    assert "/tmp" not in text
    assert str(Path.cwd()) not in text


def intel_vt_off(machine: Machine) -> bool:
    found = machine.cpu.virtualization
    return (
        found.verdict is Verdict.DISABLED_IN_FIRMWARE
        and "VT-x" in found.setting
        and any("MSR 0x3A" in line for line in found.evidence)
    )


def amd_svm_off(machine: Machine) -> bool:
    found = machine.cpu.virtualization
    return (
        found.verdict is Verdict.DISABLED_IN_FIRMWARE
        and "SVM Mode" in found.setting
        and any("VM_CR" in line for line in found.evidence)
    )


def no_vt(machine: Machine) -> bool:
    return machine.cpu.virtualization.verdict is Verdict.UNSUPPORTED


def uefi_secure_boot(machine: Machine) -> bool:
    return machine.firmware.mode is FirmwareMode.UEFI and machine.firmware.secure_boot is True


def uefi_plain(machine: Machine) -> bool:
    return machine.firmware.mode is FirmwareMode.UEFI and machine.firmware.secure_boot is False


def bios_two_disks(machine: Machine) -> bool:
    sizes = {disk.size_bytes for disk in machine.disks if disk.usable}
    return machine.firmware.mode is FirmwareMode.BIOS and usable(machine) == ["/dev/sda", "/dev/sdb"] and len(sizes) == 1


def vmd_no_disks(machine: Machine) -> bool:
    advice = " ".join(controller.advice for controller in machine.controllers)
    return not machine.disks and "Switch VMD off" in advice and "from RAID/RST to AHCI" in advice


def old_md(machine: Machine) -> bool:
    return usable(machine) == ["/dev/sda", "/dev/sdb"] and "member of array oldhost:0" in descriptions(machine, "md_member")


def running_md(machine: Machine) -> bool:
    found = {disk.path: reasons(disk) for disk in machine.disks}
    return usable(machine) == ["/dev/sdd"] and all(found[f"/dev/sd{letter}"] == {Reason.RAID_MEMBER} for letter in "abc")


def old_zfs(machine: Machine) -> bool:
    return usable(machine) == ["/dev/sda", "/dev/sdb"] and "member of ZFS pool rpool" in descriptions(machine, "zfs_member")


def nvme(machine: Machine) -> bool:
    return {disk.bus for disk in machine.disks if disk.usable} == {"nvme"} and all(
        disk.wwn for disk in machine.disks if disk.usable
    )


def multipath_san(machine: Machine) -> bool:
    members = [disk for disk in machine.disks if reasons(disk) == {Reason.MULTIPATH_MEMBER}]
    maps = [disk for disk in machine.disks if disk.path.startswith("/dev/mapper/")]
    return (
        len(members) == 4
        and [disk.path for disk in maps] == ["/dev/mapper/mpatha", "/dev/mapper/mpathb"]
        and all(map_.usable for map_ in maps)
    )


def eighty_disks(machine: Machine) -> bool:
    return len(usable(machine)) == 80 and len({disk.serial for disk in machine.disks}) == 81


def tiny_disk(machine: Machine) -> bool:
    return [reasons(disk) for disk in machine.disks if disk.bus == "mmc"] == [{Reason.TOO_SMALL}] and not usable(machine)


def no_nic(machine: Machine) -> bool:
    return not machine.nics


def ten_nics(machine: Machine) -> bool:
    linked = [nic for nic in machine.nics if nic.link]
    return (
        len(machine.nics) == 10
        and len(linked) == 2
        and {(nic.driver, nic.speed_mbps) for nic in linked} == {("mlx5_core", 25000)}
    )


def under_xen(machine: Machine) -> bool:
    seen_by_xen = machine.cpu.threads == 32 and machine.memory_bytes == 130934 * 2**20
    return (
        machine.kernel.under_xen
        and machine.cpu.virtualization.verdict is Verdict.USABLE
        and seen_by_xen
        and machine.nics[0].default_route
    )


def windows(machine: Machine) -> bool:
    return (
        descriptions(machine, "operating_system") == ["Microsoft Windows (BitLocker)"]
        and len(descriptions(machine, "bitlocker")) == 1
    )


def foreign_xenvms(machine: Machine) -> bool:
    groups = [(disk.path, content.label) for disk in machine.disks for content in disk.contents if content.kind == "volume_group"]
    return groups == [("/dev/sdb", "xenvms")] and "/dev/sdb" in usable(machine)


def qemu_virtio(machine: Machine) -> bool:
    return usable(machine) == ["/dev/vda"] and machine.disks[0].identity == "/dev/vda" and machine.nics[0].driver == "virtio_net"


def no_dm_md(machine: Machine) -> bool:
    return not machine.kernel.device_mapper and not machine.kernel.md


def unknown_verdict(machine: Machine) -> bool:
    found = machine.cpu.virtualization
    return found.verdict is Verdict.UNKNOWN and any("killed by signal 11" in line for line in found.evidence)


def installed_debian(machine: Machine) -> bool:
    found = {disk.path: reasons(disk) for disk in machine.disks}
    carries = found["/dev/sda"] == {Reason.RUNNING_SYSTEM} and found["/dev/sdb"] == {Reason.MOUNTED}
    return (
        carries
        and usable(machine) == ["/dev/sdc"]
        and "Debian GNU/Linux 12 (bookworm)" in descriptions(machine, "operating_system")
    )


FACTS: list[Callable[[Machine], bool]] = [
    intel_vt_off,
    amd_svm_off,
    no_vt,
    uefi_secure_boot,
    uefi_plain,
    bios_two_disks,
    vmd_no_disks,
    old_md,
    running_md,
    old_zfs,
    nvme,
    multipath_san,
    eighty_disks,
    tiny_disk,
    no_nic,
    ten_nics,
    under_xen,
    windows,
    foreign_xenvms,
    qemu_virtio,
    no_dm_md,
    unknown_verdict,
    installed_debian,
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_it_stands_for_what_its_name_says(fact: Callable[[Machine], bool]) -> None:
    assert fact(load(fact.__name__.replace("_", "-")))


def test_no_machine_stands_for_nothing() -> None:
    assert {fact.__name__.replace("_", "-") for fact in FACTS} == set(MACHINES)
