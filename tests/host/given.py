"""A host's root directory, as the planner writes it for given answers."""

from pathlib import Path

from tests.given import answers, machine
from xeninstall.answers.dump import dump
from xeninstall.answers.model import Answers
from xeninstall.answers.package_sets import SETS
from xeninstall.apply import host_files
from xeninstall.base.run import Completed
from xeninstall.plan import identity, network, time
from xeninstall.plan.model import MakeLink, Remove, SetRootPassword, WriteFile
from xeninstall.plan.wanted import Host

HASH = "$y$j9T$1234567890abcdefghijkl$1234567890abcdefghijklmnopqrstuvwxyzABCDEFG"


def settings(given: Answers, profile: str = "nvme") -> Host:
    """The context of an installation onto a recorded machine."""
    found = machine(profile)
    named = given.network.bond.members if given.network.bond else (given.network.nic,)
    nics = tuple(nic for nic in found.nics if nic.mac in named or nic.name in named)
    return Host(answers=given, machine=found, nics=nics)


def installed(root: Path, toml: str = "", *, keep: bool = True) -> Answers:
    """Write what an installation by these answers writes, below `root`."""
    given = answers(toml)
    context = settings(given)
    for action in (
        *identity.name(context),
        *identity.accounts(context),
        *identity.firewall(context),
        *network.actions(context),
        *network.resolver(context),
        *time.actions(context),
        *identity.keyboard(context),
    ):
        match action:
            case WriteFile():
                host_files.write_file(root, action)
            case MakeLink():
                host_files.make_link(root, action)
            case Remove():
                host_files.remove(root, action)
            case SetRootPassword(hash=secret):
                host_files.write_file(root, WriteFile(path="/etc/shadow", text=f"root:{secret.get_secret_value()}:1::::::\n"))
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\n\n"
        for one in given.packages.sets
        for name in SETS.get(one, ("base-files",))
    )
    host_files.write_file(root, WriteFile(path="/var/lib/dpkg/status", text=status))
    if keep:
        host_files.write_file(root, WriteFile(path="/etc/xeninstall/answers.toml", text=dump(given)))
    return given


_SAYS = {
    ("xl", "info"): "nr_cpus                : 16\ntotal_memory           : 65536\nfree_memory            : 40960\n"
    "xen_major              : 4\nxen_minor              : 20\nxen_extra              : .2\nxen_version            : 4.20.2\n"
    "xen_commandline        : placeholder dom0_mem=4096M,max:4096M com1=115200,8n1 console=com1,vga secret_key=MARKER\n",
    ("xl", "list"): "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
    "Domain-0                                     0  4096     4     r-----      31.0\n"
    "mail MARKER-guest                            3  2048     2     -b----       7.7\n"
    "web                                          4  8192     4     r-----    1207.9\n",
    ("ip", "-json"): '[{"ifname": "lo", "addr_info": []}, {"ifname": "xenbr0", "addr_info": '
    '[{"local": "192.0.2.10", "prefixlen": 24}, {"local": "2001:db8::10", "prefixlen": 64}]}]',
    ("systemctl", "list-units"): "smartmontools.service loaded failed failed Self Monitoring\n",
    ("lvs",): "  xenhost\tvms\t107374182400\t25.00\n",
    ("dpkg-query",): "xen-system-amd64 4.20.2-1 ii \nlvm2 2.03 rc \n",
}


def running(root: Path) -> None:
    """What /proc and /sys show on a host of ours, below `root`."""
    for path, text in (
        ("sys/hypervisor/type", "xen\n"),
        ("proc/sys/kernel/hostname", "xenhost\n"),
        ("proc/sys/kernel/osrelease", "6.12.57+deb13-amd64\n"),
        ("proc/loadavg", "0.42 0.30 0.11 1/200 4711\n"),
        ("proc/meminfo", "MemTotal:        4104304 kB\nMemFree: 1 kB\nMemAvailable:    3055728 kB\n"),
        ("proc/uptime", "93784.12 1.0\n"),
        ("proc/cmdline", "placeholder root=UUID=1234 ro console=hvc0 quiet\n"),
        ("etc/debian_version", "13.2\n"),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def says(argv: tuple[str, ...]) -> Completed | None:
    """What the commands say there."""
    found = next((text for begin, text in _SAYS.items() if argv[: len(begin)] == begin), None)
    return None if found is None else Completed(argv, 0, found, "")
