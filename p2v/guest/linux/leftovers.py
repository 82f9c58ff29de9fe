"""What serves only a physical machine: it is switched off, not removed, so that it can be switched on again."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..changes import Change, MakeLink, Planned, Remove, Repair, WriteFile
from ..model import Guest, Init
from ..tree import Tree, encode, find, is_file, text


@dataclass(frozen=True)
class Leftover:
    """Services by their names, and what they are for."""

    services: tuple[str, ...]
    why: str


LEFTOVERS = (
    Leftover(("multipathd", "multipath-tools", "multipath-tools-boot", "boot.multipath"), "there is one path to a virtual disk"),
    Leftover(
        ("openipmi", "ipmi", "ipmievd", "ipmidetectd", "ipmiutil_*", "bmc-watchdog", "freeipmi-*"),
        "there is no management controller",
    ),
    Leftover(("watchdog", "wd_keepalive"), "it would wait for a watchdog of the old machine"),
    Leftover(("smartd", "smartmontools"), "virtual disks have no health to tell"),
    Leftover(
        (
            "hp-health",
            "hp-asrd",
            "hp-snmp-agents",
            "hpasmd",
            "hpsmhd",
            "hp-ams",
            "hpe-*",
            "amsd",
            "ahslog",
            "smad*",
            "cpq*",
            "cma*",
        ),
        "it serves HPE hardware",
    ),
    Leftover(
        ("dataeng", "dsm_*", "srvadmin-services", "instsvcdrv", "racsvc", "dcismeng", "dcism", "omawsd"),
        "it serves Dell hardware",
    ),
    Leftover(
        ("ibmsma*", "ibmasm", "tpmfancontrol", "eis_cache*", "eecd", "eeraid*", "srvmagt_*"), "it serves IBM or Fujitsu hardware"
    ),
    Leftover(
        (
            "lsi_mrdsnmpd",
            "vivaldiframeworkd",
            "msm_*",
            "mrmonitor",
            "lsisash*",
            "stor_agent",
            "aacraid*",
            "tw_cli",
            "3dm2",
            "arcconf*",
        ),
        "it serves a RAID controller",
    ),
    Leftover(
        ("megaraid*", "megaclisas-statusd", "mpt-statusd", "mptsas*", "cciss-vol-statusd", "aacraid-statusd", "3ware-statusd"),
        "it asks a RAID controller",
    ),
    Leftover(
        ("thermald", "tlp", "powertop", "fancontrol", "lm-sensors", "lm_sensors", "sensord", "i8kmon"),
        "heat and fans are the host's",
    ),
    Leftover(
        ("cpupower", "cpufrequtils", "loadcpufreq", "cpufreqd", "cpuspeed", "powernowd", "acpi-support"),
        "the clock is the host's",
    ),
    Leftover(("nvidia-persistenced", "nvidia-powerd", "nvidia-fabricmanager", "bumblebeed"), "there is no such graphics card"),
    Leftover(("mcelog", "rasdaemon", "edac", "edac-utils"), "memory errors are the host's"),
    Leftover(("kudzu",), "it would ask about every changed device at the console"),
)
_UNITS = "/etc/systemd/system"
_MODULE = re.compile(
    r"^([ \t]*(?:ipmi_\w+|acpi_ipmi|coretemp|\w+_wdt|softdog|hpwdt|it87|nct6775|w83\w+|i2c[_-]i801|lm75|k10temp|nv\w*)[ \t]*)$",
    re.MULTILINE,
)


def _plan(guest: Guest, tree: Tree) -> Planned:
    changes: list[Change] = _units(tree) if guest.init is Init.SYSTEMD else []
    changes += _scripts(tree)
    if guest.init is Init.UPSTART:
        changes += _upstart(tree)
    changes += _modules(tree)
    if is_file(tree, "/etc/multipath.conf"):
        # Its initramfs would otherwise take the virtual disk for one path of several, and hold it.
        changes.append(Remove("/etc/multipath.conf", "there is one path to a virtual disk"))
    return Planned(tuple(changes))


def _units(tree: Tree) -> list[Change]:
    changes: list[Change] = []
    masked = set()
    for path in find(tree, f"{_UNITS}/*.wants/*") + find(tree, f"{_UNITS}/*.requires/*"):
        unit = path.rsplit("/", 1)[1]
        why = _why(unit.rpartition(".")[0])
        if not why:
            continue
        changes.append(Remove(path, why))
        own = f"{_UNITS}/{unit}"
        # A unit that others ask for would start all the same, unless it is masked; one that an administrator wrote there stays.
        if own not in masked and tree.link(own) is None and not is_file(tree, own):
            changes.append(MakeLink(own, "/dev/null", why))
            masked.add(own)
    return changes


def _scripts(tree: Tree) -> list[Change]:
    changes: list[Change] = []
    for pattern in (
        "/etc/rc[2345S].d/S*",
        "/etc/rc.d/rc[2345].d/S*",
        "/etc/init.d/rc[2345].d/S*",
        "/etc/init.d/boot.d/S*",
        "/etc/runlevels/*/*",
    ):
        for path in find(tree, pattern):
            why = _why(re.sub(r"^S\d\d", "", path.rsplit("/", 1)[1]))
            changes += [Remove(path, why)] if why else []
    return changes


def _upstart(tree: Tree) -> list[Change]:
    changes: list[Change] = []
    for path in find(tree, "/etc/init/*.conf"):
        why = _why(path.rsplit("/", 1)[1].removesuffix(".conf"))
        if why:
            changes.append(WriteFile(path.removesuffix("conf") + "override", b"manual\n", why))
    return changes


def _modules(tree: Tree) -> list[Change]:
    changes: list[Change] = []
    for path in ["/etc/modules", *find(tree, "/etc/modules-load.d/*.conf")]:
        content = text(tree, path)
        if content is None or tree.link(path) is not None:
            continue
        changed = _MODULE.sub(r"# p2v: \1", content)
        if changed != content:
            changes.append(WriteFile(path, encode(changed), "drivers of the old machine are not asked for"))
    return changes


def _why(service: str) -> str:
    name = service.lower().partition("@")[0]
    return next((one.why for one in LEFTOVERS if any(fnmatchcase(name, pattern) for pattern in one.services)), "")


REPAIR = Repair("leftovers", "services for physical hardware are off", _plan)
