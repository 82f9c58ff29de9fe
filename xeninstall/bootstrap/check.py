"""Everything that stands against a bootstrap, all at once, before anything moves."""

from xeninstall.answers.model import Answers
from xeninstall.base.sizes import GIB, MIB, format_size
from xeninstall.machine.model import Machine, Nic
from xeninstall.plan.check import Chosen, Finding, check_hardware, choose_nics
from xeninstall.plan.network import BRIDGE

from .management import FIRST
from .packages import Apt
from .present import Present
from .uplink import Manager

DEBIANS = (12, 13)
_NEEDED_BYTES = GIB  # Xen, its device model and the guests' firmware take 300 MiB, and lie beside their packages for a while
_BOOT_NEEDED_BYTES = 64 * MIB
_BOOT_NEEDED_WITH_KERNEL_BYTES = 256 * MIB


def check(answers: Answers, machine: Machine, present: Present, apt: Apt) -> Chosen:
    """Findings, warnings, and the network card."""
    chosen = Chosen()
    chosen.findings += _system(present)
    check_hardware(answers, machine, chosen)
    chosen.findings += _boot_loader(present)
    chosen.findings += _room(present, apt)
    chosen.findings += apt.findings
    choose_nics(answers, machine, chosen)
    chosen.findings += _network(answers, present, chosen.nics)
    if answers.firewall.model_fields_set and present.firewalls:
        names = " and ".join(present.firewalls)
        chosen.findings.append(
            Finding(f"the answers have a [firewall], and {names} is at work here", f"leave [firewall] out, or remove {names}")
        )
    return chosen


def _system(present: Present) -> list[Finding]:
    found = []
    if present.debian not in DEBIANS:
        found.append(Finding(f"this system is {present.name}", "bootstrap knows Debian 12 and 13"))
    if present.architecture != "amd64":
        found.append(Finding(f"the system's architecture is {present.architecture or 'not known'}", "a Xen host here is amd64"))
    if present.container:
        found.append(Finding("this is a container: it has no kernel of its own", "run it on the machine itself"))
    elif not present.systemd:
        found.append(Finding("systemd does not run here", "start the machine with systemd as its init"))
    if present.xen_guest:
        found.append(Finding("this is a guest of Xen already", "run it on the machine itself"))
    return found


def _boot_loader(present: Present) -> list[Finding]:
    grub = present.grub
    if not grub.menu or not grub.tools:
        what = "there is no /boot/grub/grub.cfg" if not grub.menu else "update-grub and grub-reboot are missing"
        return [Finding(f"the boot loader is not Debian's GRUB: {what}", "install grub-pc or grub-efi-amd64")]
    found = []
    if not grub.multiboot:
        found.append(Finding("GRUB has no multiboot2 module in /boot/grub, which starts Xen", "run grub-install for this disk"))
    if not grub.linux_entry:
        found.append(
            Finding("GRUB's menu has no entry that update-grub makes for Linux", "run update-grub, and see what it leaves out")
        )
    return found


def _room(present: Present, apt: Apt) -> list[Finding]:
    if not apt.missing:
        return []
    found = []
    if present.free_bytes < _NEEDED_BYTES:
        found.append(
            Finding(f"/ has {format_size(present.free_bytes)} free", f"make room: {format_size(_NEEDED_BYTES)} are needed")
        )
    needed = _BOOT_NEEDED_BYTES if present.kernel_for_dom0 else _BOOT_NEEDED_WITH_KERNEL_BYTES
    if present.boot_free_bytes is not None and present.boot_free_bytes < needed:
        room = format_size(present.boot_free_bytes)
        found.append(Finding(f"/boot has {room} free", f"remove old kernels: {format_size(needed)} are needed"))
    return found


def _network(answers: Answers, present: Present, nics: list[Nic]) -> list[Finding]:
    network, uplink = answers.network, present.uplink
    all_given = {"ipv4", "ipv6"} <= network.model_fields_set
    if uplink is None:
        what = "this system has no default route, so that nobody knows which address to keep"
        return [] if all_given else [Finding(what, "give network.ipv4 and network.ipv6, or bring the network up")]
    if uplink.name == BRIDGE:
        return []
    if uplink.kind:
        what = f"the default route is on {uplink.name}, a {uplink.kind}; bootstrap moves the address of a plain network card"
        return [Finding(what, f"put the address onto a network card first, or make {BRIDGE} yourself")]
    if uplink.manager is None:
        what = f"who configures {uplink.name} is not known: neither ifupdown nor systemd-networkd, netplan or NetworkManager"
        return [Finding(what, "let one of them bring it up")]
    if uplink.manager is Manager.NETWORKD and uplink.networkd_file.rpartition("/")[2] < f"{FIRST}20":
        what = f"{uplink.networkd_file} would come before the files of the bridge, and systemd-networkd takes the first"
        return [Finding(what, f"rename it so that it sorts behind {FIRST}")]
    if not all_given and nics and uplink.name not in [nic.name for nic in nics]:
        what = f"network.nic is {nics[0].name}, and the present addresses are on {uplink.name}"
        return [Finding(what, "give network.ipv4 and network.ipv6, too, or leave network.nic out")]
    return []
