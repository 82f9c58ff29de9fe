"""Which packages a Xen host needs beyond a running Debian, and what apt says about installing them."""

import re
from dataclasses import dataclass

from xeninstall.answers.model import Answers, DnsMode, NtpMode
from xeninstall.answers.package_sets import SETS
from xeninstall.machine.look import Look
from xeninstall.plan.check import Finding

from .present import Present

# Xen, its device model and the firmware of its guests. Debian names all of them alike in 12 and 13.
_XEN = ("xen-system-amd64", "qemu-system-xen", "seabios", "ovmf", "grub-xen-host")
_SECONDS = 120.0
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600")
INSTALL = (*APT, "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "install")
NO_RECOMMENDS = "--no-install-recommends"


def wanted(answers: Answers, present: Present) -> tuple[str, ...]:
    """The names, in the order of their reasons; those that are installed are among them."""
    names = [*_XEN, "iputils-ping"]  # the new network is believed when its gateway answers
    if not present.kernel_for_dom0:
        names.append("linux-image-amd64")  # a cloud kernel cannot run dom0
    for one in answers.packages.sets:
        names += SETS.get(one, ())
    if answers.dns.model_fields_set:
        names.append("systemd-resolved")
    if answers.dns.mode is DnsMode.SERVE:
        names.append("dnsmasq")
    if "ntp" in answers.time.model_fields_set and answers.time.ntp is not NtpMode.NONE:
        names.append("chrony")
    if answers.firewall.model_fields_set:
        names.append("nftables")
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Apt:
    """What apt would do for the packages that are missing, or why it cannot."""

    missing: tuple[str, ...]
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]


def ask_apt(look: Look, names: tuple[str, ...], installed: frozenset[str]) -> Apt:
    """Simulate the installation of what is missing, and look at the health of what is there."""
    findings = list(_health(look))
    missing = tuple(name for name in names if name not in installed)
    if not missing or findings:
        return Apt(missing, (), tuple(findings))
    done = look.attempt([*INSTALL, NO_RECOMMENDS, "--simulate", *missing], _SECONDS)
    if isinstance(done, str):
        return Apt(missing, (), (Finding(f"apt-get could not be asked: {done}", "look at apt on this system"),))
    if done.status != 0:
        said = "; ".join(line[3:].strip() for line in done.stderr.splitlines() if line.startswith("E: ")) or done.stderr.strip()
        unknown = "Unable to locate" in said or "no installation candidate" in said
        remedy = "run apt-get update, and see that Debian's main archive is in the apt sources" if unknown else "mend it first"
        return Apt(missing, (), (Finding(f"apt cannot install {', '.join(missing)}: {said[:600]}", remedy),))
    lines = tuple(line for line in map(_line, done.stdout.splitlines()) if line)
    held = set(_holds(look)) & {line.split()[1] for line in lines}
    if held:
        what = f"packages on hold would have to change: {', '.join(sorted(held))}"
        findings.append(Finding(what, "release them with apt-mark unhold, or install these by hand"))
    return Apt(missing, lines, tuple(findings))


def _health(look: Look) -> list[Finding]:
    found = []
    audit = look.attempt(["dpkg", "--audit"], _SECONDS)
    said = audit if isinstance(audit, str) else audit.stdout
    if said.strip():
        names = re.findall(r"^ (\S+)", said, re.MULTILINE)
        found.append(
            Finding(
                f"dpkg has packages that are not installed whole: {', '.join(names) or said.strip()[:300]}",
                "run dpkg --configure -a, then apt-get --fix-broken install",
            )
        )
    checked = look.attempt(["apt-get", "-q", "check", "-o", "Debug::NoLocking=1"], _SECONDS)
    if not isinstance(checked, str) and checked.status != 0 and not found:
        first = next((line[3:] for line in checked.stderr.splitlines() if line.startswith("E: ")), checked.stderr.strip())
        found.append(Finding(f"apt-get check fails: {first[:300]}", "run apt-get --fix-broken install"))
    return found


def _holds(look: Look) -> list[str]:
    done = look.attempt(["apt-mark", "showhold"], _SECONDS)
    return [] if isinstance(done, str) else done.stdout.split()


def _line(line: str) -> str:
    """`Inst name [old] (new archive)` and `Remv name [old]` in words."""
    installed = re.match(r"Inst (\S+) (?:\[(\S+)\] )?\((\S+)", line)
    if installed:
        name, old, new = installed.groups()
        return f"upgrade {name} {old} to {new}" if old else f"install {name} {new}"
    removed = re.match(r"Remv (\S+) \[(\S+)\]", line)
    return f"remove {removed[1]} {removed[2]}" if removed else ""
