"""One report that a person can send to whoever helps: hardware, verdicts, versions, settings, state, and no secret.

Only what is named here goes in: no file is copied, so that what nobody thought of stays out. Of words on command lines only
those that are known to be harmless keep their value.
"""

import platform
import re
import time
from typing import Any

from pydantic import BaseModel, ConfigDict

from xeninstall import __version__
from xeninstall.base.urls import without_secrets
from xeninstall.machine.look import Look, clean
from xeninstall.machine.model import Machine
from xeninstall.machine.show import show as show_machine

from . import state
from .read import Current, Drift, read, sections_of
from .tree import Tree

HIDDEN = "(left out)"
# Settings whose values say how a host is built. Keys, hashes, scripts and URLs are not among them.
_SHOWN = (
    "keyboard",
    "hardware",
    "disk",
    "storage",
    "packages",
    "network",
    "host",
    "dns",
    "time",
    "console",
    "xen",
    "firewall",
    "finish",
)
_PACKAGES = (
    "linux-image-amd64", "xen-system-amd64", "xen-utils-common", "qemu-system-xen", "grub-common", "shim-signed",
    "systemd", "lvm2", "mdadm", "chrony", "dnsmasq", "openssh-server", "tmux",
)  # fmt: skip
# Words of Linux and Xen whose values are about hardware and consoles; a word without a value is its own.
_HARMLESS = re.compile(
    r"(root|ro|rw|quiet|console|com[12]|vga|earlyprintk|dom0_[a-z_]+|ucode|iommu|intel_iommu|amd_iommu|nomodeset|splash|panic|"
    r"loglvl|guest_loglvl|sched|smt|spec-ctrl|mitigations|pci|acpi|apic|noapic|nolapic|BOOT_IMAGE|BOOTIF|initrd|boot|"
    r"net\.ifnames|biosdevname|ipv6\.disable|placeholder|no-real-mode|edd|cet|efi|crashkernel|systemd\.unit|"
    r"xeninstall\.(mode|after|resume|wait|countdown|verify|safe|medium))"
)
# A quote keeps blanks, wherever it stands in a word; one that is not closed keeps the rest.
_WORD = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")


class Report(BaseModel):
    """Everything that is sent, as JSON and as text."""

    model_config = ConfigDict(frozen=True)

    made: str  # UTC
    versions: dict[str, str]
    command_lines: dict[str, str]
    machine: Machine
    settings: dict[str, Any]
    drift: tuple[str, ...]
    state: dict[str, Any]
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """Indented, ending in a newline."""
        return self.model_dump_json(indent=2) + "\n"


def report(machine: Machine, at: Look, now: float) -> Report:
    """Look at this system; `machine` is its hardware, as the probe found it."""
    tree = Tree(at.root)
    current = read(tree)
    found = state.look(at)
    info = state.xen_info(at)
    lines = {"Linux": at.line("/proc/cmdline"), "Xen": info.get("xen_commandline", "")}
    return Report(
        made=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)),
        versions=_versions(at, machine, found),
        command_lines={name: harmless(line) for name, line in lines.items() if line},
        machine=machine,
        settings=_settings(current),
        drift=tuple(drift_line(one) for one in current.drift if one.key.partition(".")[0] in (*_SHOWN, "packs")),
        state=_state(found),
        notes=found.notes,
    )


def harmless(line: str) -> str:
    """A command line with the values of all words that are not known to be harmless left out."""
    out = []
    for word in _WORD.findall(clean(line, 4000)):
        name, equals, _ = word.partition("=")
        if _HARMLESS.fullmatch(name):
            out.append(without_secrets(word))
        elif not _NAME.fullmatch(name):
            out.append(HIDDEN)  # what stands before the sign is a name only where it looks like one
        else:
            out.append(f"{name}={HIDDEN}" if equals else name)
    return " ".join(out)


def drift_line(one: Drift) -> str:
    """`host.name: xen1 in the answer file, xen2 here`."""
    return f"{one.key}: {_said(one.kept)} in the answer file, {_said(one.found)} here"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(str(item) for item in value) or "nothing"
    return "nothing" if value in (None, "") else str(value)


def _versions(at: Look, machine: Machine, found: state.State) -> dict[str, str]:
    out = {
        "xeninstall": __version__,
        "Debian": found.debian,
        "kernel": machine.kernel.release,
        "Xen": found.xen,
        "Python": platform.python_version(),
    }
    argv = ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Abbrev}\n", *_PACKAGES]
    done = at.attempt(argv)  # a package that is not there is no trouble, and makes its status 1
    for line in done.stdout.splitlines() if not isinstance(done, str) else ():
        words = line.split()
        if len(words) == 3 and words[2].startswith("ii"):
            out[clean(words[0])] = clean(words[1])
    return {name: value for name, value in out.items() if value}


def _settings(current: Current) -> dict[str, Any]:
    sections = sections_of(current.data)
    out: dict[str, Any] = {}
    for name in _SHOWN:
        section = getattr(sections, name).model_dump(mode="json", exclude_defaults=True)
        if section:
            out[name] = section
    out["root"] = {
        "password": sections.root.password_hash is not None and sections.root.password_hash.get_secret_value() != "!",
        "ssh_keys": len(sections.root.ssh_keys),
    }
    out["packs"] = [f"{one.title} for {one.kernel}" if one.kernel else one.title for one in current.packs]
    hooks = sections.hooks
    out["hooks"] = [name for name in ("before_disk", "installed", "first_boot", "webhook") if getattr(hooks, name)]
    return out


def _state(found: state.State) -> dict[str, Any]:
    """Guests are counted and not named: their names are their owner's."""
    return {
        "addresses": list(found.addresses),
        "load": list(found.load),
        "memory_mib": found.memory_mib,
        "free_for_guests_mib": found.free_mib,
        "dom0_mib": found.dom0_mib,
        "dom0_used_mib": found.dom0_used_mib,
        "uptime_seconds": found.uptime_seconds,
        "guests": None if found.guests is None else len(found.guests),
        "vm_storage": [{"name": one.name, "size_bytes": one.size_bytes, "used_bytes": one.used_bytes} for one in found.stores],
        "failed_services": list(found.failed),
    }


def show(made: Report) -> str:
    """For people: plain text, 80 columns where values allow it."""
    parts = [f"xeninstall report, {made.made} UTC. It holds no passwords, keys or scripts.", ""]
    parts += ["Versions", *(f"  {name}: {value}" for name, value in made.versions.items()), ""]
    parts += [show_machine(made.machine)]
    parts += ["Settings", *_flat(made.settings), ""]
    if made.drift:
        parts += ["Not as the answer file says", *(f"  {line}" for line in made.drift), ""]
    parts += ["State", *_flat(made.state), ""]
    parts += ["Command lines", *(f"  {name}: {line}" for name, line in made.command_lines.items())]
    if made.notes:
        parts += ["", "Not seen", *(f"  {note}" for note in made.notes)]
    text = "\n".join(parts) + "\n"
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def _flat(table: dict[str, Any], above: str = "  ") -> list[str]:
    out: list[str] = []
    for name, value in table.items():
        if isinstance(value, dict):
            out += [f"{above}{name}:", *_flat(value, above + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                out.append(f"{above}{name}: " + ", ".join(f"{key} {one}" for key, one in item.items()))
        else:
            out.append(f"{above}{name}: {' '.join(map(str, value)) if isinstance(value, list) else value}")
    return out
