"""Answers against machine: which disks and NICs are meant, and every reason why this cannot work, all at once.

Nothing here writes; what is refused here is refused before anything was touched (exit code 3).
"""

import fnmatch
from dataclasses import dataclass, field

from xeninstall.answers.model import Answers, DiskSelector, Pick
from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import MIB, format_size
from xeninstall.machine.model import MEMORY_MINIMUM_BYTES, SYSTEM_DISK_MINIMUM_BYTES, Disk, Machine, Nic, Reason, Verdict

from .layout import THIN_MINIMUM_BYTES


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way, and what to do about it."""

    what: str
    remedy: str


class Refused(RequirementError):
    """Requirements that are not met; each finding with its remedy, all of them."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(f"{finding.what}; {finding.remedy}" for finding in findings), hint="nothing was written")
        self.findings = tuple(findings)


@dataclass
class Chosen:
    """What the answers mean on this machine, and what was found wrong on the way."""

    system: Disk | None = None
    mirror: Disk | None = None
    extras: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(answers: Answers, machine: Machine, disk_path: str | None = None) -> Chosen:
    """Look at everything; `disk_path` is a disk named on the command line, which must not contradict the answers."""
    chosen = Chosen()
    check_hardware(answers, machine, chosen)
    _choose_disks(answers, machine, disk_path, chosen)
    choose_nics(answers, machine, chosen)
    return chosen


def check_hardware(answers: Answers, machine: Machine, chosen: Chosen) -> None:
    """Virtualization, Secure Boot, and what dom0 is to get, into `chosen`."""
    virtualization = machine.cpu.virtualization
    verdict = virtualization.verdict
    evidence = "; ".join(virtualization.evidence) or "no evidence"
    problem = {
        Verdict.DISABLED_IN_FIRMWARE: (
            "the CPU's hardware virtualization is switched off in the firmware",
            f"enable {virtualization.setting} in the firmware setup (often under Advanced > CPU Configuration) and boot again",
        ),
        Verdict.UNSUPPORTED: ("this CPU has no hardware virtualization", "use another machine"),
        Verdict.UNKNOWN: (
            f"whether this CPU has hardware virtualization could not be found out ({evidence})",
            "look into the firmware setup",
        ),
    }.get(verdict)
    if problem:
        what, remedy = problem
        if answers.hardware.require_virtualization and verdict is not Verdict.UNKNOWN:
            way_out = "or set hardware.require_virtualization = false for a host with paravirtual guests only"
            chosen.findings.append(Finding(what, f"{remedy}, {way_out}"))
        else:
            outcome = "may not start" if verdict is Verdict.UNKNOWN else "will not start"
            chosen.warnings.append(f"{what}: HVM and PVH guests {outcome}; {remedy}")
    if machine.firmware.secure_boot:
        what = "Secure Boot is enforced, and Xen from Debian's packages cannot start under it"
        if answers.hardware.accept_secure_boot:
            chosen.warnings.append(f"{what}: switch Secure Boot off in the firmware before the installed host's first boot")
        else:
            remedy = (
                "switch Secure Boot off in the firmware setup, or promise to do so before the first boot with "
                "hardware.accept_secure_boot = true"
            )
            chosen.findings.append(Finding(what, remedy))
    # Firmware keeps some memory for itself: a machine sold with 2 GiB shows a little less.
    if machine.memory_bytes < MEMORY_MINIMUM_BYTES * 7 // 8:
        chosen.findings.append(
            Finding(
                f"the machine has {format_size(machine.memory_bytes)} of memory",
                f"a Xen host needs {format_size(MEMORY_MINIMUM_BYTES)}",
            )
        )
    memory = answers.xen.dom0_memory
    if memory != "auto" and int(memory) + 256 * MIB > machine.memory_bytes:
        chosen.findings.append(
            Finding(
                f"xen.dom0_memory is {format_size(int(memory))}, but the machine has {format_size(machine.memory_bytes)}",
                "give dom0 less, so that Xen (256 MiB) and guests find room",
            )
        )
    vcpus = answers.xen.dom0_vcpus
    if vcpus != "auto" and int(vcpus) > machine.cpu.threads:
        threads = f"{machine.cpu.threads} thread{'s' * (machine.cpu.threads != 1)}"
        chosen.findings.append(
            Finding(f"xen.dom0_vcpus is {vcpus}, but the machine has {threads}", "give dom0 no more than that")
        )


def select(selector: DiskSelector, disks: tuple[Disk, ...], key: str) -> Disk | Finding:
    """The one disk that a selector names, or why there is none."""
    everything = disks
    # Every path of a multipath map has the map's own serial number and WWN; the map is the disk.
    disks = tuple(disk for disk in disks if all(obstacle.reason is not Reason.MULTIPATH_MEMBER for obstacle in disk.obstacles))
    listed = ", ".join(f"{disk.path} ({disk.identity})" for disk in disks[:8]) or "none"
    if len(disks) > 8:
        listed += f" and {len(disks) - 8} more"
    remedy = f"choose one of the machine's disks: {listed}"
    if selector.serial is not None:
        found = [disk for disk in disks if disk.serial == selector.serial]
        what = f"{key}: no disk has the serial number {selector.serial}"
    elif selector.wwn is not None:
        found = [disk for disk in disks if disk.wwn.lower().removeprefix("0x") == selector.wwn.lower().removeprefix("0x")]
        what = f"{key}: no disk has the WWN {selector.wwn}"
    elif selector.path is not None:
        found = [disk for disk in everything if selector.path == disk.path or selector.path in disk.links]
        what = f"{key}: {selector.path} is not a disk of this machine"
    elif selector.match is not None:
        return _match(selector, disks, key, remedy)
    else:
        usable = [disk for disk in disks if disk.usable]
        if len(usable) == 1:
            return usable[0]
        if not usable:
            why = "; ".join(f"{disk.path} ({disk.identity}): {disk.obstacles[0].text}" for disk in disks[:8])
            return Finding(f"{key}: none of the machine's disks can be used", why or "attach one")
        what = f"{key}: no disk is named, and {len(usable)} of the machine's disks could be meant"
        return Finding(what, "name it by disk.serial; " + remedy)
    if len(found) > 1:
        return Finding(
            f"{key}: {len(found)} disks answer to it: {', '.join(disk.path for disk in found)}",
            "name one by its path in /dev/disk/by-id",
        )
    return found[0] if found else Finding(what, remedy)


def _match(selector: DiskSelector, disks: tuple[Disk, ...], key: str, remedy: str) -> Disk | Finding:
    rule = selector.match
    assert rule is not None
    found = [
        disk
        for disk in disks
        if disk.usable
        and (rule.model is None or fnmatch.fnmatchcase(disk.model.lower(), rule.model.lower()))
        and (rule.bus is None or disk.bus == rule.bus)
        and (rule.min_size is None or disk.size_bytes >= rule.min_size)
        and (rule.max_size is None or disk.size_bytes <= rule.max_size)
    ]
    if not found:
        return Finding(f"{key}.match: no usable disk matches", remedy)
    if rule.pick is Pick.ONLY and len(found) > 1:
        names = ", ".join(f"{disk.path} ({disk.identity})" for disk in found[:8])
        return Finding(f"{key}.match: {len(found)} disks match: {names}", "narrow the rule, or say which with pick")
    by_path = sorted(found, key=lambda disk: disk.path)
    if rule.pick is Pick.SMALLEST:
        return min(by_path, key=lambda disk: disk.size_bytes)
    return max(by_path, key=lambda disk: disk.size_bytes) if rule.pick is Pick.LARGEST else by_path[0]


def _choose_disks(answers: Answers, machine: Machine, disk_path: str | None, chosen: Chosen) -> None:
    advice = "; ".join(controller.advice for controller in machine.controllers if controller.advice)
    if not machine.disks:
        remedy = advice or "attach one, or load the driver of its controller"
        chosen.findings.append(Finding("the machine shows no disks", remedy))
        return
    if advice and not any(disk.usable for disk in machine.disks):
        # What is listed is then often the boot medium alone.
        chosen.findings.append(Finding("a storage controller hides disks of this machine", advice))
    system = answers.disk
    named = DiskSelector(serial=system.serial, wwn=system.wwn, path=system.path, match=system.match)
    if disk_path is not None:
        on_command_line = select(DiskSelector(path=disk_path), machine.disks, "--target")
        if named != DiskSelector() and isinstance(on_command_line, Disk):
            answered = select(named, machine.disks, "disk")
            if answered != on_command_line:
                meant = f"{answered.path} ({answered.identity})" if isinstance(answered, Disk) else answered.what
                on_command_line = Finding(
                    f"--target {disk_path} is not the disk that the answers name: {meant}",
                    "make the two agree, so that no wrong disk is lost",
                )
        _take(on_command_line, "system", chosen, "--target", system.erase, answers)
    else:
        _take(select(named, machine.disks, "disk"), "system", chosen, "disk", system.erase, answers)
    if system.mirror is not None:
        others = tuple(disk for disk in machine.disks if disk != chosen.system)
        _take(select(system.mirror, others, "disk.mirror"), "mirror", chosen, "disk.mirror", system.erase, answers)
        if not machine.kernel.md:
            chosen.findings.append(
                Finding(
                    "the running kernel cannot make mirrors (no md driver)", "install from the boot medium, whose kernel has it"
                )
            )
    for number, extra in enumerate(answers.storage.extra_disks):
        taken = [chosen.system, chosen.mirror, *chosen.extras]
        others = tuple(disk for disk in machine.disks if disk not in taken)
        key = f"storage.extra_disks[{number}]"
        _take(select(extra, others, key), "extra", chosen, key, extra.erase, answers)


def _take(found: Disk | Finding, role: str, chosen: Chosen, key: str, erase: bool, answers: Answers) -> None:
    if isinstance(found, Finding):
        chosen.findings.append(found)
        return
    where = f"{found.path} ({found.identity})"
    # The probe measures every disk against the system's needs; one for VM storage alone may be smaller.
    obstacles = [obstacle for obstacle in found.obstacles if role != "extra" or obstacle.reason is not Reason.TOO_SMALL]
    for obstacle in obstacles:
        what, _, remedy = obstacle.text.partition("; ")
        chosen.findings.append(Finding(f"{key}: {where}: {what}", remedy or "choose another disk"))
    needed, what_for = (THIN_MINIMUM_BYTES, "VM storage") if role == "extra" else (SYSTEM_DISK_MINIMUM_BYTES, "the system")
    if found.size_bytes < needed and not obstacles:
        chosen.findings.append(
            Finding(f"{key}: {where} has {format_size(found.size_bytes)}", f"{what_for} needs {format_size(needed)}")
        )
    if not erase:
        lost = f"everything on {where} would be destroyed"
        flag = f"{key}.erase" if role == "extra" else "disk.erase"
        chosen.findings.append(Finding(f"{lost}, and the answers do not allow it", f"set {flag} = true if that is meant"))
    if role == "system":
        chosen.system = found
    elif role == "mirror":
        chosen.mirror = found
    else:
        chosen.extras.append(found)


def choose_nics(answers: Answers, machine: Machine, chosen: Chosen) -> None:
    """The management NIC, or the members of the bond, into `chosen`."""
    listed = ", ".join(f"{nic.name} ({nic.mac})" for nic in machine.nics) or "none"
    network = answers.network
    wanted = network.bond.members if network.bond else () if network.nic == "auto" else (network.nic,)
    key = "network.bond.members" if network.bond else "network.nic"
    for name in wanted:
        found = [nic for nic in machine.nics if name in (nic.name, nic.mac)]
        if not found:
            chosen.findings.append(Finding(f"{key}: {name} is not a network card of this machine", f"choose from: {listed}"))
        elif found[0] in chosen.nics:
            chosen.findings.append(Finding(f"{key}: {name} is named twice", "name two different network cards"))
        else:
            chosen.nics.append(found[0])
    if not wanted:
        if not machine.nics:
            chosen.findings.append(
                Finding("the machine has no network card that the kernel knows", "add one, or load its driver")
            )
            return
        ranked = sorted(machine.nics, key=lambda nic: (not nic.default_route, not nic.link, nic.pci or "~", nic.name))
        chosen.nics.append(ranked[0])
        if len(ranked) > 1:
            chosen.warnings.append(
                f"the management network will be on {ranked[0].name} ({ranked[0].mac}), chosen of {len(ranked)}"
            )
    chosen.warnings.extend(f"{nic.name} ({nic.mac}) has no link" for nic in chosen.nics if nic.link is False)
