"""Answers, machine and running system become what is still to do: the order of the stages, on one screen. Writes nothing."""

from xeninstall.answers.dump import dump
from xeninstall.answers.model import Answers, DnsMode, NtpMode
from xeninstall.machine.model import Machine
from xeninstall.plan import hooks, identity, network, time
from xeninstall.plan.boot import saved_guests
from xeninstall.plan.check import Refused
from xeninstall.plan.model import MakeLink, Remove, SetRootPassword, WriteFile
from xeninstall.plan.wanted import Host

from . import grub
from .check import check
from .model import (
    BootstrapAction,
    BootstrapPlan,
    BootstrapStage,
    BootXenOnce,
    Command,
    FileChange,
    InstallDebs,
    KeepAnswers,
    TryNetwork,
    answers_digest,
)
from .moving import DNSMASQ, Moving
from .packages import Apt, ask_apt, wanted
from .pending import diffs, pending
from .places import GRUB_FALLBACK, GRUB_SETTINGS
from .present import Present

_KEYS = "/root/.ssh/authorized_keys"
_MODULES = "/etc/modprobe.d/xeninstall.conf"
# As on an installed host.
_NO_PHANTOM = (
    "# Written by xeninstall: the QEMU of xen.service brings a network card along, "
    "which dom0 would take for one that has a link.\n"
    "blacklist xen_netfront\n"
)


def build(answers: Answers, machine: Machine, present: Present) -> BootstrapPlan:
    """The plan. Raises Refused with every finding (exit 3)."""
    apt = ask_apt(present.look, wanted(answers, present), present.installed)
    chosen = check(answers, machine, present, apt)
    if chosen.findings:
        raise Refused(chosen.findings)
    moving = Moving(answers, machine, present, tuple(chosen.nics))
    host, look = moving.host, present.look
    stages: tuple[BootstrapStage, ...] = (
        BootstrapStage(name="prepare", title="Preparation", actions=pending(_prepare(host, present, apt), look)),
        BootstrapStage(name="packages", title="Packages", actions=_packages(apt)),
        BootstrapStage(name="configure", title="Configuration", actions=pending(_configuration(answers, host, present), look)),
        BootstrapStage(name="network", title="Network", actions=moving.actions()),
        BootstrapStage(name="boot", title="Boot loader", actions=_boot(host, machine, present, apt)),
        BootstrapStage(name="finish", title="Hook and records", actions=pending(_records(answers, present), look)),
    )
    stages = _with_hook(stages, host)
    changes = [change for stage in stages for action in stage.actions for change in _changes(action)]
    under_xen = machine.kernel.under_xen
    missed = ["Xen did not start when it was tried last, and Linux did: see `journalctl -b -1`"] if present.missed else []
    if present.grub.writes and not under_xen:
        missed.append(
            f"GRUB cannot write to /boot ({present.grub.writes}): should Xen not start, choose Linux in its menu by hand"
        )
    return BootstrapPlan(
        title=f"Xen host {host.fqdn} out of {present.name}, in place",
        answers=answers_digest(dump(answers)),
        warnings=(*chosen.warnings, *moving.warnings, *missed),
        facts={
            "host": host.fqdn,
            "address": moving.address,
            "dom0": f"{host.dom0_memory_mib} MiB, {host.dom0_vcpus} vCPUs",
        },
        stages=stages,
        diffs=dict(diffs(changes, look)),
        reboot_needed=not under_xen,
    )


def _with_hook(stages: tuple[BootstrapStage, ...], host: Host) -> tuple[BootstrapStage, ...]:
    """The user's hook runs when something was done, at the end."""
    hook = hooks.installed(host)
    if not hook or not any(stage.actions for stage in stages):
        return stages
    *others, last = stages
    return (*others, last.model_copy(update={"actions": (*hook, *last.actions)}))


def _changes(action: BootstrapAction) -> tuple[FileChange, ...]:
    if isinstance(action, WriteFile | MakeLink | Remove):
        return (action,)
    return action.files if isinstance(action, TryNetwork) else ()


def _prepare(host: Host, present: Present, apt: Apt) -> list[BootstrapAction]:
    """GRUB's settings come before Xen's packages: those run update-grub, and must not make an untried Xen the default.
    dnsmasq's come before it is installed, so that it never listens elsewhere.
    """
    out: list[BootstrapAction] = [grub.settings(host), grub.fallback(present.grub.linux_entry)]
    saved = present.grub.saved
    if saved not in (present.grub.linux_entry, present.grub.xen_entry):
        why = "until Xen was seen running, Linux is the default"
        out.append(Command(argv=("grub-set-default", present.grub.linux_entry), why=why, reads=(GRUB_SETTINGS,)))
    if host.answers.dns.mode is DnsMode.SERVE:
        out += [action for action in network.resolver(host) if isinstance(action, WriteFile) and action.path in DNSMASQ]
    if not apt.missing:
        out.append(Command(argv=("update-grub",), why="the menu with these settings", reads=(GRUB_SETTINGS, GRUB_FALLBACK)))
    return out


def _packages(apt: Apt) -> tuple[BootstrapAction, ...]:
    return (InstallDebs(names=apt.missing, lines=apt.lines),) if apt.missing else ()


def _configuration(answers: Answers, host: Host, present: Present) -> list[BootstrapAction]:
    """What is answered; `host` has what stays, too."""
    out: list[BootstrapAction] = []
    if "name" in answers.host.model_fields_set:
        out += _name(host, present)
    out += _accounts(answers, present)
    if answers.keyboard.model_fields_set:
        out += [action for action in identity.keyboard(host) if isinstance(action, WriteFile)]
        keyboard = ("/etc/default/keyboard",)
        out.append(Command(argv=("setupcon", "--save-only"), why="the key map of the next boot", reads=keyboard))
    given = answers.time.model_fields_set
    for action in time.actions(host):
        assert isinstance(action, WriteFile | MakeLink | Remove)
        is_zone = action.path in ("/etc/localtime", "/etc/timezone")
        if ("zone" if is_zone else "ntp") in given:
            out.append(action)
    if "ntp" in given and answers.time.ntp is not NtpMode.NONE:
        chrony = ("/etc/chrony/chrony.conf",)
        out.append(Command(argv=("systemctl", "restart", "chrony.service"), why="its new servers", reads=chrony))
    out += saved_guests("/var/lib/xen/save")
    out.append(WriteFile(path=_MODULES, text=_NO_PHANTOM))
    for action in hooks.first_boot(host):
        assert isinstance(action, WriteFile | MakeLink)
        out.append(action)
    return out


def _name(host: Host, present: Present) -> list[BootstrapAction]:
    """The new name, and in /etc/hosts its line instead of the old one's; other lines stay."""
    names = f"{host.fqdn} {host.answers.host.name}" if host.answers.host.domain else host.answers.host.name
    lines = (present.look.text("/etc/hosts") or "127.0.0.1 localhost\n").splitlines()
    # The lines that spoke of this host: 127.0.1.1, or its own address with its old name.
    mine = [line for line in lines if line.split()[:1] == ["127.0.1.1"] or present.hostname in line.split()[1:]]
    if not any(line.split()[1:] == names.split() for line in mine):
        address = next((line.split()[0] for line in mine if not line.startswith("127.0.0.1")), "127.0.1.1")
        kept = [line for line in lines if line not in mine or line.startswith("127.0.0.1")]
        lines = [kept[0] if kept else "127.0.0.1 localhost", f"{address} {names}", *kept[1:]]
    return [
        WriteFile(path="/etc/hostname", text=host.answers.host.name + "\n"),
        WriteFile(path="/etc/hosts", text="\n".join(lines) + "\n"),
        Command(argv=("hostname", host.answers.host.name), why="the running system's name", reads=("/etc/hostname",)),
    ]


def _accounts(answers: Answers, present: Present) -> list[BootstrapAction]:
    """Keys are added to those that may log in already; how SSH lets people in stays as it is."""
    out: list[BootstrapAction] = []
    if answers.root.password_hash is not None:
        out.append(SetRootPassword(hash=answers.root.password_hash))
    if answers.root.ssh_keys:
        text = present.look.text(_KEYS) or ""
        missing = [key for key in answers.root.ssh_keys if key not in text.splitlines()]
        if missing:
            before = text if not text or text.endswith("\n") else text + "\n"
            out.append(WriteFile(path=_KEYS, text=before + "".join(f"{key}\n" for key in missing), mode=0o600))
    return out


def _boot(host: Host, machine: Machine, present: Present, apt: Apt) -> tuple[BootstrapAction, ...]:
    xen, linux = present.grub.xen_entry, present.grub.linux_entry
    out: list[BootstrapAction] = [*grub.confirmation(xen)]
    todo = list(pending(out, present.look))
    if machine.kernel.under_xen:
        if present.grub.saved != xen:
            todo.append(Command(argv=("grub-set-default", xen), why="Xen runs, and stays the default"))
    elif present.grub.once != xen or not present.awaited or apt.missing:
        todo.append(BootXenOnce(xen=xen, linux=linux))
    return tuple(todo)


def _records(answers: Answers, present: Present) -> list[BootstrapAction]:
    text = dump(answers)
    same = present.look.text("/etc/xeninstall/answers.toml") == text
    return [] if same else [KeepAnswers(text=text)]
