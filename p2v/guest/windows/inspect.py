"""Which Windows a volume holds, from its registry and files."""

from collections.abc import Mapping

from ..apply import RepairError
from .critical_devices import DEVICES
from .hive import read_keys
from .model import Registry, Value, Windows
from .volume import WindowsVolume

_FOLDERS = ("Windows", "WINNT")
_SERVICES = (
    "atapi",
    "intelide",
    "pciide",
    "msahci",
    "storahci",
    "stornvme",
    "viostor",
    "vioscsi",
    "netkvm",
    "xenvbd",
    "p2v-first-boot",
)
_CONTROLS = ("Session Manager\\Environment", "Session Manager\\Power", "CrashControl", "TimeZoneInformation")
_CURRENT = "Microsoft\\Windows NT\\CurrentVersion"
_MOST_MINUTES = 24 * 60
_ASKED_FOR = ("atapi.sys", "intelide.sys", "pciide.sys")


def hive_path(volume: WindowsVolume, name: str) -> str | None:
    """Where a hive is on the volume; None where there is no Windows."""
    found = (volume.find(f"{folder}/System32/config/{name}") for folder in _FOLDERS)
    return next((path for path in found if path is not None), None)


def inspect(volume: WindowsVolume) -> Windows | None:
    """What is known of the system; None where there is none. Raises RepairError when its registry cannot be read."""
    place = hive_path(volume, "SYSTEM")
    if place is None:
        return None
    system, software = volume.read(place), volume.read(hive_path(volume, "SOFTWARE") or "")
    if system is None or software is None:
        raise RepairError("the Windows system has no whole registry", hint="start Windows once, and shut it down")
    select = read_keys(system, ["Select"]).get("Select", {})
    current = select.get("Current")
    if current is None or current.number is None:
        raise RepairError("the registry does not say which control set is current", hint="start Windows once, and shut it down")
    control_set = f"ControlSet{current.number:03d}"
    services = [f"{control_set}\\Services\\{name}" for name in _SERVICES]
    controls = [*_CONTROLS, *(f"CriticalDeviceDatabase\\{device}" for device in DEVICES)]
    wanted = [*services, *(f"{service}\\StartOverride" for service in services), "DriverDatabase"]
    keys = read_keys(system, [*wanted, *(f"{control_set}\\Control\\{name}" for name in controls)])
    environment = keys.get(f"{control_set}\\Control\\Session Manager\\Environment", {})
    about = read_keys(software, [_CURRENT]).get(_CURRENT, {})
    folder = place.split("/")[0]
    files = {path.lower() for name in _ASKED_FOR if (path := volume.find(f"{folder}/System32/drivers/{name}")) is not None}
    version, build = _version(about)
    return Windows(
        name=_name(about, build),
        version=version,
        build=build,
        architecture="amd64" if "64" in _text(environment, "PROCESSOR_ARCHITECTURE") else "x86",
        control_set=control_set,
        folder=folder,
        system=Registry(keys),
        software=Registry({"": about}),
        files=frozenset(files),
    )


def local_time(guest: Windows) -> bool:
    """Whether its clock runs on local time, which is Windows' way unless it is told otherwise."""
    value = guest.system.value(guest.control("TimeZoneInformation"), "RealTimeIsUniversal")
    return value is None or value.number != 1


def utc_offset_seconds(guest: Windows) -> int:
    """How far its local time was ahead of UTC when it last ran: `ActiveTimeBias` is the minutes that it lacks of UTC."""
    value = guest.system.value(guest.control("TimeZoneInformation"), "ActiveTimeBias")
    minutes = value.number if value is not None and value.number is not None else 0
    minutes -= 1 << 32 if minutes >= 1 << 31 else 0
    return -minutes * 60 if abs(minutes) <= _MOST_MINUTES and local_time(guest) else 0


def _version(about: Mapping[str, Value]) -> tuple[tuple[int, int], int]:
    text = _text(about, "CurrentBuildNumber") or _text(about, "CurrentBuild")
    build = int(text) if text.isdigit() else 0
    major, minor = (about.get(name) for name in ("CurrentMajorVersionNumber", "CurrentMinorVersionNumber"))
    if major is not None and major.number is not None:
        return (major.number, (minor.number or 0) if minor else 0), build
    first, _, second = _text(about, "CurrentVersion").partition(".")
    return (int(first) if first.isdigit() else 0, int(second) if second.isdigit() else 0), build


def _name(about: Mapping[str, Value], build: int) -> str:
    name = _text(about, "ProductName") or "Windows"
    # Windows 11 still calls itself 10 there.
    return name.replace("Windows 10", "Windows 11") if build >= 22000 and "Server" not in name else name


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name)
    return "".join(sign for sign in value.text if sign.isprintable())[:100] if value is not None else ""
