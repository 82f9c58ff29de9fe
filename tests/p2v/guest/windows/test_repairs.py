"""Windows repairs on real NTFS volumes and real hives, read back byte by byte. No Windows was booted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from p2v.guest.apply import RepairError
from p2v.guest.windows.boot_sector import heads
from p2v.guest.windows.inspect import inspect, local_time, utc_offset_seconds
from p2v.guest.windows.model import Package, PatchVolume, Value, Windows
from p2v.guest.windows.repair import Report, make_on_volume, on_esp, patches, plan_repairs
from p2v.guest.windows.volume import mounted
from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import GIB

from .systems import SYSTEM, export, make_volume, volume_at

pytestmark = pytest.mark.root
INF = """[Version]
Class=SCSIAdapter
[Virtio.NTamd64]
%name% = scsi_inst, PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00
%name% = scsi_inst, PCI\\VEN_1AF4&DEV_1042
"""
VIOSTOR = Package("viostor.inf", INF, {"viostor.inf": INF.encode(), "viostor.sys": b"driver", "viostor.cat": b"catalogue"})
NETKVM = Package("netkvm.inf", "", {"netkvm.inf": b"", "netkvm.sys": b"net"})


def looked_at(volume: Path) -> Windows:
    """What is found on it."""
    place = volume.with_name("looked")
    place.mkdir(exist_ok=True)
    with mounted(str(volume), place, SystemRunner()) as files:
        guest = inspect(files)
    assert guest is not None
    return guest


def repaired(volume: Path, guest: Windows) -> Report:
    """Repair it."""
    place = volume.with_name("repaired")
    place.mkdir(exist_ok=True)
    report = plan_repairs(guest)
    with mounted(str(volume), place, SystemRunner(), writable=True) as files:
        return make_on_volume(report, files, SystemRunner())


def keys_of(volume: Path) -> dict[str, dict[str, Value]]:
    """The whole SYSTEM hive, as it is on the volume."""
    with volume_at(volume) as place:
        path = next(path for path in place.glob("W*/*/config/*") if path.name == "SYSTEM")
        return export(path.read_bytes())


def test_each_version_is_recognised(tmp_path: Path) -> None:
    found = {version: looked_at(make_volume(tmp_path / version, version)) for version in SYSTEM}
    assert {version: (guest.name, guest.version, guest.architecture, guest.control_set) for version, guest in found.items()} == {
        "xp": ("Microsoft Windows XP", (5, 1), "x86", "ControlSet001"),
        "win2003": ("Microsoft Windows Server 2003", (5, 2), "amd64", "ControlSet001"),
        "vista": ("Windows Vista (TM) Business", (6, 0), "amd64", "ControlSet001"),
        "win7": ("Windows 7 Professional", (6, 1), "amd64", "ControlSet002"),
        "win2012": ("Windows Server 2012 Standard", (6, 2), "amd64", "ControlSet001"),
        "win10": ("Windows 11 Pro", (10, 0), "amd64", "ControlSet001"),
        "win2025": ("Windows Server 2025 Standard", (10, 0), "amd64", "ControlSet001"),
    }
    assert [local_time(found[version]) for version in ("win7", "win10")] == [True, False]
    assert [utc_offset_seconds(found[version]) for version in ("xp", "win7", "win10")] == [0, 3600, 0]


def test_windows_11_starts_its_disk_drivers_at_boot(tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", "win10")
    before = keys_of(volume)
    report = repaired(volume, looked_at(volume))
    after = keys_of(volume)
    services = "ControlSet001\\Services"
    for name in ("storahci", "stornvme", "pciide"):
        assert after[f"{services}\\{name}"]["Start"] == Value.of(0)
        assert f"{services}\\{name}\\StartOverride" not in after
    assert after[f"{services}\\Other\\StartOverride"] == before[f"{services}\\Other\\StartOverride"], "not ours to touch"
    assert after[f"{services}\\storahci"] | {"Start": Value.of(3)} == before[f"{services}\\storahci"]
    assert after["ControlSet001\\Control\\Session Manager\\Power"]["HiberbootEnabled"] == Value.of(0)
    assert after["ControlSet001\\Control\\CrashControl"]["AutoReboot"] == Value.of(0)
    assert "set SYSTEM\\ControlSet001\\Services\\storahci: Start = 0: it starts at boot" in report.as_text()
    assert plan_repairs(looked_at(volume)).changes == [], "a second repair has nothing to do"
    with volume_at(volume) as place:
        assert (place / "Windows/System32/config/SYSTEM.before-p2v").is_file()


def test_windows_7_changes_its_current_control_set_alone(tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", "win7")
    repaired(volume, looked_at(volume))
    after = keys_of(volume)
    assert after["ControlSet002\\Services\\msahci"]["Start"] == Value.of(0)
    assert after["ControlSet001\\Services\\msahci"]["Start"] == Value.of(3)


def test_xp_finds_an_emulated_ide_disk(tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", "xp")
    guest = looked_at(volume)
    report = repaired(volume, guest)
    after = keys_of(volume)
    database = "ControlSet001\\Control\\CriticalDeviceDatabase"
    for device, service in (("primary_ide_channel", "atapi"), ("secondary_ide_channel", "atapi"), ("pci#cc_0101", "pciide")):
        assert after[f"{database}\\{device}"]["Service"] == Value.of(service)
        assert after[f"{database}\\{device}"]["ClassGUID"] == Value.of("{4D36E96A-E325-11CE-BFC1-08002BE10318}")
    assert after[f"{database}\\pci#ven_9004&cc_0100"]["Service"] == Value.of("aic78xx")
    # It has no driver for Intel's controller, and says so.
    assert f"{database}\\pci#ven_8086&dev_7010" not in after
    assert "intelide.sys is not in WINDOWS/system32/drivers: expand it there" in report.as_text()


@pytest.mark.parametrize("version", SYSTEM)
def test_every_driver_of_emulated_disks_starts_at_boot_and_no_other_is_touched(tmp_path: Path, version: str) -> None:
    volume = make_volume(tmp_path / "volume", version)
    before = keys_of(volume)
    guest = looked_at(volume)
    report = repaired(volume, guest)
    after, services = keys_of(volume), f"{guest.control_set}\\Services"
    ours = ("atapi", "intelide", "pciide", "msahci", "storahci", "stornvme")
    emulated = {key for key in before if key.startswith(f"{services}\\") and key.split("\\")[2] in ours}
    for key in emulated:
        if key.endswith("\\StartOverride"):
            assert key not in after
        else:
            assert after[key] == before[key] | {"Start": Value.of(0)}
    assert {key: after.get(key) for key in before if "\\Services" in key and key not in emulated} == {
        key: before[key] for key in before if "\\Services" in key and key not in emulated
    }
    assert any(key.rsplit("\\", 1)[-1] in ("storahci", "msahci") for key in emulated) == report.traits.ahci
    assert report.traits.windows and plan_repairs(looked_at(volume)).changes == []


def test_2003_of_64_bits_learns_of_intels_controller_from_the_driver_in_its_folder(tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", "win2003")
    report = repaired(volume, looked_at(volume))
    after = keys_of(volume)
    database = "ControlSet001\\Control\\CriticalDeviceDatabase"
    for device in ("pci#ven_8086&dev_7010", "pci#ven_8086&dev_7111"):
        assert after[f"{database}\\{device}"]["Service"] == Value.of("intelide")
    made = after["ControlSet001\\Services\\intelide"]
    assert (made["Start"], made["Type"], made["Group"]) == (Value.of(0), Value.of(1), Value.of("System Bus Extender"))
    assert made["ImagePath"] == Value.of("System32\\DRIVERS\\intelide.sys", expand=True)
    assert after[f"{database}\\pci#ven_0e11&dev_b060"]["Service"] == Value.of("cpqcissm")
    assert report.remarks == []


@pytest.mark.parametrize("version", [version for version in SYSTEM if version != "xp"])
def test_supplied_drivers_are_ready_at_boot(tmp_path: Path, version: str) -> None:
    volume = make_volume(tmp_path / "volume", version)
    guest = replace(looked_at(volume), packages=(VIOSTOR, NETKVM))
    repaired(volume, guest)
    after, control_set = keys_of(volume), guest.control_set
    service = after[f"{control_set}\\Services\\viostor"]
    assert (service["Type"], service["Start"], service["Group"]) == (Value.of(1), Value.of(0), Value.of("SCSI miniport"))
    assert service["ImagePath"] == Value.of("System32\\drivers\\viostor.sys", expand=True)
    device = "VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00"
    if version in ("win2003", "vista", "win7"):
        key = f"{control_set}\\Control\\CriticalDeviceDatabase\\PCI#{device}"
        assert after[key] == {"Service": Value.of("viostor"), "ClassGUID": Value.of("{4D36E97B-E325-11CE-BFC1-08002BE10318}")}
        assert not any(key.startswith("DriverDatabase") for key in after)
    else:
        full = "p2v_viostor.inf_amd64_0000000000000000"
        assert after["DriverDatabase\\DriverInfFiles\\p2v_viostor.inf"][""] == Value.of([full])
        assert after[f"DriverDatabase\\DeviceIds\\PCI\\{device}"]["p2v_viostor.inf"] == Value.of(b"\x01\xff\0\0")
        package = f"DriverDatabase\\DriverPackages\\{full}"
        assert len(after[package]["Version"].data) == 48
        assert after[f"{package}\\Configurations\\p2v_conf"]["Service"] == Value.of("viostor")
        assert after[f"{package}\\Descriptors\\PCI\\{device}"]["Configuration"] == Value.of("p2v_conf")
    first = after.get(f"{control_set}\\Services\\p2v-first-boot")
    if version == "win2003":
        assert first is None, "it installs no drivers by command"
        return
    assert first is not None and (first["Start"], first["Type"]) == (Value.of(2), Value.of(0x10))
    with volume_at(volume) as place:
        assert (place / "Windows/System32/drivers/viostor.sys").read_bytes() == b"driver"
        assert (place / "p2v/drivers/netkvm/netkvm.sys").read_bytes() == b"net"
        script = (place / "p2v/first-boot.cmd").read_bytes()
        assert b"pnputil -i -a drivers\\viostor\\viostor.inf" in script and script.count(b"\n") == script.count(b"\r\n")


@pytest.mark.parametrize("version", ["xp", "win10"])
def test_the_report_stays_with_the_machine_wherever_it_goes(tmp_path: Path, version: str) -> None:
    volume = make_volume(tmp_path / "volume", version)
    done = repaired(volume, looked_at(volume))
    with volume_at(volume) as place:
        text, told = (place / "p2v/report.txt").read_bytes(), json.loads((place / "p2v/report.json").read_text())
    assert text.decode() == done.as_text().replace("\n", "\r\n") and b": Start = 0: it starts at boot" in text
    assert told == done.as_json() and told["applied"]


@pytest.mark.parametrize(
    ("version", "packages", "expected"),
    [
        ("xp", (), (False, False, False, "rtl8139")),
        ("xp", (VIOSTOR, NETKVM), (True, False, False, "rtl8139")),
        ("win2003", (), (False, False, False, "rtl8139")),
        ("vista", (), (False, False, True, "e1000")),
        ("win7", (), (False, False, True, "e1000")),
        ("win2012", (), (False, False, True, "e1000e")),
        ("win2025", (), (False, False, True, "e1000e")),
        ("win10", (), (False, False, True, "e1000e")),
        ("win10", (VIOSTOR, NETKVM), (True, True, True, "e1000e")),
        ("win10", (NETKVM,), (False, True, True, "e1000e")),
    ],
)
def test_its_machine_shows_it_only_what_it_has_drivers_for(
    tmp_path: Path, version: str, packages: tuple[Package, ...], expected: tuple[bool, bool, bool, str]
) -> None:
    guest = replace(looked_at(make_volume(tmp_path / "volume", version)), packages=packages)
    found = plan_repairs(guest).traits
    assert (found.virtio_disks, found.virtio_cards, found.ahci, found.card) == expected


@pytest.mark.parametrize("signature", [b"HIBR", b"hibr", b"RSTR", b"wake"])
def test_a_hibernated_system_is_refused_or_its_image_dropped(tmp_path: Path, signature: bytes) -> None:
    volume = make_volume(tmp_path / "volume", "win10", more={"hiberfil.sys": signature + bytes(8188)})
    place = tmp_path / "place"
    place.mkdir()
    with mounted(str(volume), place, SystemRunner()) as files:
        assert files.hibernated
    with pytest.raises(RepairError, match="hibernates, or was shut down by a fast start-up") as raised:
        with mounted(str(volume), place, SystemRunner(), writable=True):
            raise AssertionError("it was opened")
    assert "--drop-hibernation" in raised.value.hint
    with mounted(str(volume), place, SystemRunner(), writable=True, drop_hibernation=True) as files:
        pass
    with mounted(str(volume), place, SystemRunner()) as files:
        assert not files.hibernated


def test_uefi_and_old_bios_are_started_without_their_machine(tmp_path: Path) -> None:
    guest = looked_at(make_volume(tmp_path / "win10", "win10"))
    uefi = replace(guest, uefi=True, esp={"/EFI/MICROSOFT/BOOT/BOOTMGFW.EFI": b"manager"})
    assert [(change.path, change.data) for change in on_esp(plan_repairs(uefi))] == [("/EFI/BOOT/BOOTX64.EFI", b"manager")]
    assert on_esp(plan_repairs(replace(uefi, esp={**uefi.esp, "/EFI/BOOT/BOOTX64.EFI": b""}))) == []
    xp = looked_at(make_volume(tmp_path / "xp", "xp"))
    sector = b"\xeb\x52\x90NTFS    ".ljust(0x1A, b"\0") + b"\xf0\0" + bytes(484)
    old = replace(xp, boot_sector=sector, disk_bytes=40 * GIB)
    assert patches(plan_repairs(old)) == [PatchVolume(0x1A, b"\xff\0", "255 heads instead of 240")]
    assert [heads(size) for size in (GIB, 3 * GIB, 5 * GIB)] == [0x40, 0x80, 0xFF]
