"""Windows systems made for the tests: real NTFS volumes and hives, with the keys and files that repairs look at."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from p2v.guest.windows.hive import merge
from p2v.guest.windows.model import SetValue, Value
from p2v.guest.windows.reg import parse
from tests.p2v.hives import empty_hive
from xeninstall.base.run import SystemRunner

Keys = Mapping[str, Mapping[str, int | str | list[str] | bytes]]
_ABOUT = "Microsoft\\Windows NT\\CurrentVersion"
_ENVIRONMENT = "ControlSet001\\Control\\Session Manager\\Environment"
_S = "ControlSet001\\Services"

XP: Keys = {
    "Select": {"Current": 1, "Default": 1, "Failed": 0, "LastKnownGood": 2},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "x86"},
    f"{_S}\\atapi": {"Start": 0, "Type": 1, "Group": "SCSI miniport"},
    f"{_S}\\pciide": {"Start": 3, "Type": 1},
    "ControlSet001\\Control\\CriticalDeviceDatabase\\pci#ven_9004&cc_0100": {"Service": "aic78xx"},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
}
# 64 bits, with the drivers of Intel's controller in its folder, of which no service is left.
WIN2003: Keys = {
    "Select": {"Current": 1, "Default": 1, "Failed": 0, "LastKnownGood": 1},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    f"{_S}\\atapi": {"Start": 3, "Type": 1, "Group": "SCSI miniport"},
    f"{_S}\\pciide": {"Start": 0, "Type": 1, "Group": "System Bus Extender"},
    f"{_S}\\cpqcissm": {"Start": 0, "Type": 1},
    "ControlSet001\\Control\\CriticalDeviceDatabase\\pci#ven_0e11&dev_b060": {"Service": "cpqcissm"},
    "ControlSet001\\Control\\CriticalDeviceDatabase\\primary_ide_channel": {"Service": "atapi"},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
    "ControlSet001\\Control\\TimeZoneInformation": {"ActiveTimeBias": 0},
}
VISTA: Keys = {
    "Select": {"Current": 1},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    f"{_S}\\atapi": {"Start": 0, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\intelide": {"Start": 3, "Type": 1, "Group": "System Bus Extender"},
    f"{_S}\\pciide": {"Start": 3, "Type": 1, "Group": "System Bus Extender"},
    f"{_S}\\msahci": {"Start": 4, "Type": 1, "Group": "System Bus Extender"},
    f"{_S}\\iaStorV": {"Start": 0, "Type": 1},
    "ControlSet001\\Control\\CriticalDeviceDatabase\\pci#ven_8086&dev_2681": {"Service": "iaStorV"},
    "ControlSet001\\Control\\Session Manager\\Power": {"HibernateEnabled": 1},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
}
WIN7: Keys = {
    "Select": {"Current": 2},
    "ControlSet002\\Control\\Session Manager\\Environment": {"PROCESSOR_ARCHITECTURE": "AMD64"},
    "ControlSet002\\Services\\msahci": {"Start": 3, "Type": 1},
    "ControlSet002\\Services\\intelide": {"Start": 3, "Type": 1},
    "ControlSet002\\Control\\CriticalDeviceDatabase": {},
    "ControlSet002\\Control\\TimeZoneInformation": {"ActiveTimeBias": 0xFFFFFFC4},
    # Not the current one: it stays as it is.
    f"{_S}\\msahci": {"Start": 3},
}
WIN10: Keys = {
    "Select": {"Current": 1},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    f"{_S}\\storahci": {"Start": 3, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\storahci\\StartOverride": {"0": 3},
    f"{_S}\\stornvme": {"Start": 0, "Type": 1},
    f"{_S}\\stornvme\\StartOverride": {"0": 3},
    f"{_S}\\pciide": {"Start": 3},
    f"{_S}\\Other\\StartOverride": {"0": 3},
    "ControlSet001\\Control\\Session Manager\\Power": {"HiberbootEnabled": 1},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
    "ControlSet001\\Control\\TimeZoneInformation": {"RealTimeIsUniversal": 1, "ActiveTimeBias": 300},
    "DriverDatabase\\DriverInfFiles\\disk.inf": {"Active": "disk.inf_amd64_1"},
}
WIN2012: Keys = {
    "Select": {"Current": 1},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    f"{_S}\\storahci": {"Start": 3, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\storahci\\StartOverride": {"0": 3},
    f"{_S}\\atapi": {"Start": 3, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\atapi\\StartOverride": {"0": 3},
    f"{_S}\\intelide": {"Start": 3, "Type": 1},
    f"{_S}\\intelide\\StartOverride": {"0": 3},
    f"{_S}\\megasas": {"Start": 0, "Type": 1},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
    "DriverDatabase\\DriverInfFiles\\mshdc.inf": {"Active": "mshdc.inf_amd64_1"},
}
WIN2025: Keys = {
    "Select": {"Current": 1},
    _ENVIRONMENT: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    f"{_S}\\storahci": {"Start": 0, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\storahci\\StartOverride": {"0": 3},
    f"{_S}\\stornvme": {"Start": 0, "Type": 1, "Group": "SCSI Miniport"},
    f"{_S}\\atapi": {"Start": 0, "Type": 1},
    f"{_S}\\atapi\\StartOverride": {"0": 3},
    f"{_S}\\pciide": {"Start": 3, "Type": 1},
    f"{_S}\\pciide\\StartOverride": {"0": 3},
    f"{_S}\\SmartPqi": {"Start": 0, "Type": 1},
    "ControlSet001\\Control\\Session Manager\\Power": {"HiberbootEnabled": 0},
    "ControlSet001\\Control\\CrashControl": {"AutoReboot": 1},
    "DriverDatabase\\DriverInfFiles\\smartpqi.inf": {"Active": "smartpqi.inf_amd64_1"},
}


def _about(name: str, version: str, build: str, **more: int) -> Keys:
    return {_ABOUT: {"ProductName": name, "CurrentVersion": version, "CurrentBuildNumber": build, **more}}


_TEN = {"CurrentMajorVersionNumber": 10, "CurrentMinorVersionNumber": 0}
ABOUT: dict[str, Keys] = {
    "win2003": _about("Microsoft Windows Server 2003", "5.2", "3790"),
    "vista": _about("Windows Vista (TM) Business", "6.0", "6002"),
    "win2012": _about("Windows Server 2012 Standard", "6.2", "9200"),
    "win2025": _about("Windows Server 2025 Standard", "6.3", "26100", **_TEN),
    "xp": {_ABOUT: {"ProductName": "Microsoft Windows XP", "CurrentVersion": "5.1", "CurrentBuildNumber": "2600"}},
    "win7": {_ABOUT: {"ProductName": "Windows 7 Professional", "CurrentVersion": "6.1", "CurrentBuildNumber": "7601"}},
    "win10": {
        _ABOUT: {
            "ProductName": "Windows 10 Pro",
            "CurrentVersion": "6.3",
            "CurrentBuildNumber": "22631",
            "CurrentMajorVersionNumber": 10,
            "CurrentMinorVersionNumber": 0,
        }
    },
}
SYSTEM = {
    "xp": XP,
    "win2003": WIN2003,
    "vista": VISTA,
    "win7": WIN7,
    "win2012": WIN2012,
    "win10": WIN10,
    "win2025": WIN2025,
}


def hive(keys: Keys) -> bytes:
    """A hive with these keys, made by hivex of an empty one."""
    changes = [
        SetValue("", key, name, Value.of(value), "")
        for key, values in keys.items()
        for name, value in (values or {"": "x"}).items()
    ]
    return merge(empty_hive(), changes, SystemRunner())


def export(hive: bytes) -> dict[str, dict[str, Value]]:
    """All of a hive as hivex's own program tells it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hive"
        path.write_bytes(hive)
        told = subprocess.run(["hivexregedit", "--export", path, "\\"], capture_output=True, text=True, check=True).stdout
    return parse(told)


def make_volume(path: Path, version: str, *, more: Mapping[str, bytes] | None = None, mib: int = 24) -> Path:
    """An NTFS volume in a file, with that Windows on it."""
    if more is None and mib == 24:
        path.write_bytes(_plain(version))
        return path
    return _make(path, version, more or {}, mib)


@cache
def _plain(version: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return _make(Path(folder) / "volume", version, {}, 24).read_bytes()


@cache
def _hives(version: str) -> tuple[bytes, bytes]:
    return hive(SYSTEM[version]), hive(ABOUT[version])


def _make(path: Path, version: str, more: Mapping[str, bytes], mib: int) -> Path:
    with path.open("wb") as file:
        file.truncate(mib << 20)
    _run("mkntfs", "-q", "-F", "-Q", "-L", "Windows", path)
    is_old = version in ("xp", "win2003")
    folder, system32 = ("WINDOWS", "system32") if is_old else ("Windows", "System32")
    files = {
        f"{folder}/{system32}/config/SYSTEM": _hives(version)[0],
        f"{folder}/{system32}/config/{'software' if is_old else 'SOFTWARE'}": _hives(version)[1],
        f"{folder}/{system32}/drivers/atapi.sys": b"atapi",
        f"{folder}/{system32}/drivers/pciide.sys": b"pciide",
        **({f"{folder}/{system32}/drivers/intelide.sys": b"intelide"} if version == "win2003" else {}),
        **more,
    }
    with volume_at(path) as place:
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
    return path


@contextmanager
def volume_at(path: Path) -> Iterator[Path]:
    """The volume's files, as ntfs-3g shows them to anybody."""
    place = path.with_name(f"{path.name}.mounted")
    place.mkdir(exist_ok=True)
    _run("ntfs-3g", path, place)
    try:
        yield place
    finally:
        _run("umount", place)


def _run(*argv: object) -> None:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
