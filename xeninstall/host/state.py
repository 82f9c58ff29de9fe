"""How a host does at the moment: addresses, load, guests, storage, failed services. It asks, and changes nothing."""

import json
import re
from dataclasses import dataclass

from xeninstall.machine.look import Look, clean, whole
from xeninstall.plan.boot import VM_FILES
from xeninstall.plan.disk import THIN_POOL
from xeninstall.plan.network import BRIDGE

_SHORTEST_SECONDS = 2.0  # xl counts tenths


@dataclass(frozen=True)
class Guest:
    """A running virtual machine."""

    name: str
    memory_mib: int
    vcpus: int
    state: str  # xl's letters: r running, b blocked (waiting), p paused, s shut down, c crashed, d dying


@dataclass(frozen=True)
class _Domain:
    """A line of `xl list`; dom0 has the number 0."""

    number: int | None
    guest: Guest
    seconds: float  # of processor time


@dataclass(frozen=True)
class Store:
    """Where VM disks are kept, and how full it is."""

    name: str
    size_bytes: int
    used_bytes: int


@dataclass(frozen=True)
class State:
    """One look. None and empty are what could not be seen; `notes` say why."""

    name: str
    addresses: tuple[str, ...]  # of the management bridge, else of whatever has one
    debian: str
    kernel: str
    xen: str
    cpus: int | None
    load: tuple[float, ...]  # dom0's, of 1, 5 and 15 minutes
    memory_mib: int | None  # the whole machine's
    free_mib: int | None  # for guests
    dom0_mib: int | None
    dom0_used_mib: int | None
    uptime_seconds: float | None
    guests: tuple[Guest, ...] | None  # None where Xen does not answer
    stores: tuple[Store, ...]
    failed: tuple[str, ...]  # services
    notes: tuple[str, ...] = ()
    busy_seconds: float | None = None  # processor time that the domains which run now have had
    cpu_percent: int | None = None  # of all threads, between two looks


def look(at: Look) -> State:
    """Ask everything once; takes a second or two on a slow machine."""
    info = xen_info(at)
    memory = _meminfo(at)
    domains = _domains(at) if info else None
    return State(
        name=at.line("/proc/sys/kernel/hostname") or at.line("/etc/hostname"),
        addresses=addresses(at),
        debian=at.line("/etc/debian_version"),
        kernel=at.line("/proc/sys/kernel/osrelease"),
        xen=xen_version(info),
        cpus=whole(info.get("nr_cpus")) or (at.text("/proc/cpuinfo") or "").count("processor\t:") or None,
        load=tuple(float(word) for word in at.line("/proc/loadavg").split()[:3] if re.fullmatch(r"[0-9.]+", word)),
        memory_mib=whole(info.get("total_memory")) or memory.get("MemTotal"),
        free_mib=whole(info.get("free_memory")),
        dom0_mib=memory.get("MemTotal"),
        dom0_used_mib=memory["MemTotal"] - memory["MemAvailable"] if {"MemTotal", "MemAvailable"} <= memory.keys() else None,
        uptime_seconds=next((float(word) for word in at.line("/proc/uptime").split()[:1]), None),
        guests=None if domains is None else tuple(one.guest for one in domains if one.number != 0),
        stores=tuple(_stores(at)),
        failed=failed(at),
        notes=tuple(at.notes),
        busy_seconds=None if domains is None else sum(one.seconds for one in domains),
    )


def cpu_percent(before: State, now: State) -> int | None:
    """How much of all threads was in use between two looks; None where that cannot be known, as after a guest has ended."""
    if before.busy_seconds is None or now.busy_seconds is None or not now.cpus:
        return None
    seconds = (now.uptime_seconds or 0.0) - (before.uptime_seconds or 0.0)
    busy = now.busy_seconds - before.busy_seconds
    if seconds < _SHORTEST_SECONDS or busy < 0:
        return None
    return min(round(100 * busy / (seconds * now.cpus)), 100)


def xen_info(at: Look) -> dict[str, str]:
    """`xl info`; empty where no Xen runs."""
    if at.line("/sys/hypervisor/type") != "xen":
        return {}
    done = at.ask(["xl", "info"], about="Xen")
    pairs = (line.partition(":") for line in (done.stdout if done else "").splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def xen_version(info: dict[str, str]) -> str:
    """`4.20.2-pre`, or nothing."""
    return clean(info.get("xen_version") or "".join(info.get(key, "") for key in ("xen_major", "xen_minor", "xen_extra")))


def _domains(at: Look) -> tuple[_Domain, ...] | None:
    """`xl list`; None where it has no answer."""
    done = at.ask(["xl", "list"], about="running guests")
    if done is None or done.status != 0:
        return None
    out = []
    for line in done.stdout.splitlines()[1:]:
        # A name may hold blanks; the five columns behind it do not.
        words = line.rsplit(None, 5)
        if len(words) != 6:
            continue
        guest = Guest(clean(words[0]), whole(words[2]) or 0, whole(words[3]) or 0, words[4].replace("-", "") or "-")
        seconds = float(words[5]) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,3})?", words[5]) else 0.0
        out.append(_Domain(whole(words[1]), guest, seconds))
    return tuple(out)


def addresses(at: Look) -> tuple[str, ...]:
    """With their prefixes; the bridge's where it has one."""
    done = at.ask(["ip", "-json", "address", "show", "scope", "global"], about="addresses")
    try:
        cards = json.loads(done.stdout) if done else []
        found = {
            str(card.get("ifname")): [f"{one['local']}/{one['prefixlen']}" for one in card.get("addr_info", []) if "local" in one]
            for card in cards
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()
    return tuple(found.get(BRIDGE) or [one for name, listed in sorted(found.items()) for one in listed if name != "lo"])


def failed(at: Look) -> tuple[str, ...]:
    """Units that systemd says have failed."""
    argv = ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full"]
    done = at.ask(argv, about="failed services")
    return tuple(clean(line.split()[0]) for line in (done.stdout if done else "").splitlines() if line.split())


def _meminfo(at: Look) -> dict[str, int]:
    found = re.findall(r"^(\w+):\s+([0-9]{1,15}) kB$", at.text("/proc/meminfo") or "", re.MULTILINE)
    return {name: int(kib) // 1024 for name, kib in found}


def _stores(at: Look) -> list[Store]:
    out = []
    # A host without LVM, and a pool that is not there, are no news; so nothing is noted of them.
    argv = [
        "lvs",
        "--noheadings",
        "--units",
        "b",
        "--nosuffix",
        "--separator",
        "\t",
        "-o",
        "vg_name,lv_name,lv_size,data_percent",
    ]
    done = at.attempt([*argv, "--select", f"lv_name={THIN_POOL}"])
    for line in done.stdout.splitlines() if not isinstance(done, str) and done.status == 0 else ():
        group, pool, size, percent = (*line.strip().split("\t"), "", "", "", "")[:4]
        if size.isdecimal() and re.fullmatch(r"[0-9.]+", percent):
            out.append(Store(f"{clean(group)}/{clean(pool)}", int(size), int(int(size) * float(percent) / 100)))
    argv = ["findmnt", "--noheadings", "--bytes", "--output", "SIZE,USED", "--target", VM_FILES]
    done = at.attempt(argv) if at.exists(VM_FILES) else ""
    words = done.stdout.split() if not isinstance(done, str) and done.status == 0 else []
    if not out and len(words) == 2 and all(word.isdecimal() for word in words):
        out.append(Store(VM_FILES, int(words[0]), int(words[1])))
    return out
