"""A rented server made of files and recorded command output: one network system, one way to its address."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.machine.computer import Computer, Played
from xeninstall.answers.model import Answers
from xeninstall.base.run import CommandError, Completed
from xeninstall.bootstrap.build import build
from xeninstall.bootstrap.model import BootstrapPlan
from xeninstall.bootstrap.present import Present, present
from xeninstall.machine.look import Look
from xeninstall.machine.model import Machine

NIC, MAC, INDEX = "eno1", "52:54:00:c0:ff:ee", 2
ADDRESS, GATEWAY = "192.0.2.10", "192.0.2.1"
MENU = "1f2e3d4c-5b6a-4798-8897-a6b5c4d3e2f1"
LINUX, XEN = f"gnulinux-simple-{MENU}", f"xen-gnulinux-simple-{MENU}"
_MENU_TEXT = f"menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option '{LINUX}' {{\n}}\n"
WITH_XEN = _MENU_TEXT + f"menuentry 'Debian GNU/Linux, with Xen hypervisor' $menuentry_id_option '{XEN}' {{\n}}\n"
SYSTEMS = ("ifupdown", "networkd", "netplan", "NetworkManager")
PACKAGES = ("xen-system-amd64", "qemu-system-xen", "seabios", "ovmf", "grub-xen-host")
# A client identifier of systemd's: 255, IAID, DUID-EN of systemd (RFC 4361, RFC 8415).
CLIENT = "ffb6220feb00020000ab11aabbccddeeff0011"

# A DUID-LLT as dhclient.leases(5) spells it.
DUID = '\\000\\001\\000\\0012\\231Y^RT\\000\\"\\\\\\356'


@dataclass
class Shell:
    """Plays the machine's commands back for a look at it, and remembers those of a run. `play` may act for a command."""

    answers: dict[tuple[str, ...], Played] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    stdin: list[bytes | None] = field(default_factory=list)
    play: Any = None

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Played:
        begins = [
            begin for begin in self.answers if tuple(argv[: len(begin)]) == begin or (begin == ("python",) and "-I" in argv)
        ]
        return self.answers[max(begins, key=len)] if begins else Played(Completed(tuple(argv), 0, "", ""))

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.ran.append(tuple(argv))
        self.stdin.append(stdin)
        done = (self.play(tuple(argv)) if self.play else None) or self.start(argv).completed
        if isinstance(done, BaseException):
            raise done
        if check and done.status:
            raise CommandError(argv, done.status, done.stderr)
        return Completed(tuple(argv), done.status, done.stdout, done.stderr)


class Server(Computer):
    """Debian 12 with GRUB, SSH and nothing else, until a test says more."""

    def __init__(self, root: Path, system: str = "ifupdown", *, dhcp: bool = False) -> None:
        super().__init__(root)
        self.shell = Shell(self.runner.answers)
        self.system = system
        self.cpu("Xeon", "GenuineIntel", "vmx ept")
        self.memory(16)
        self.kernel(release="6.1.0-40-amd64", console="console=tty0 console=ttyS0,115200")
        self.file("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n')
        self.file("/run/systemd/system/.keep")
        self.file("/proc/sys/kernel/random/boot_id", "one\n")
        self.file("/proc/uptime", "100.00 90.00\n")
        self.file("/etc/hostname", "rented\n")
        self.file("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 rented.example.net rented\n203.0.113.9 backup\n")
        self.file("/etc/resolv.conf", "nameserver 192.0.2.53\n")
        self.file("/etc/shadow", "root:$y$j9T$abc:19000:0:99999:7:::\n")
        self.file("/boot/grub/grub.cfg", _MENU_TEXT)
        self.file("/boot/grub/grubenv", "# GRUB Environment Block\n")
        self.file("/boot/grub/i386-pc/multiboot2.mod")
        self.file("/boot/config-6.1.0-40-amd64", "CONFIG_XEN_DOM0=y\n")
        for tool in ("update-grub", "grub-reboot"):
            self.file(f"/usr/sbin/{tool}")
        self.command(["dpkg", "--print-architecture"], "amd64\n")
        self.command(["dpkg", "--audit"], "")
        self.command(["sshd", "-T"], "port 2222\naddressfamily any\n")
        self.command(["systemctl", "is-active"], "inactive\n", status=3)
        self.installed("openssh-server", "iputils-ping")
        self.nic(NIC, MAC, "0000:00:1f.6", "8086:15b8", "e1000e", default=True)
        self.network(system, dhcp)

    def installed(self, *names: str) -> None:
        """dpkg's list, and what apt would do for Xen."""
        self.command(["dpkg-query"], "".join(f"ii  {name}\n" for name in names))
        lines = [f"Inst {name} (4.17.5-1 Debian:12 [amd64])" for name in PACKAGES if name not in names]
        self.command(["apt-get"], "\n".join(["NOTE: This is only a simulation!", *lines]) + "\n")

    def network(self, system: str, dhcp: bool) -> None:
        """The card is up, by this system's own files."""
        dynamic: dict[str, Any] = {"dynamic": True, "valid_life_time": 3000} if dhcp else {}
        entries = [
            {"family": "inet", "local": ADDRESS, "prefixlen": 24, "scope": "global", **dynamic},
            {"family": "inet6", "local": "fe80::5054:ff:fec0:ffee", "prefixlen": 64, "scope": "link"},
        ]
        self.link_state(
            NIC, entries, [{"dst": "default", "gateway": GATEWAY, "dev": NIC, "protocol": "dhcp" if dhcp else "static"}]
        )
        method = "dhcp" if dhcp else f"static\n    address {ADDRESS}/24\n    gateway {GATEWAY}"
        state = f"/run/systemd/netif/links/{INDEX}"
        if dhcp and system in ("networkd", "netplan"):
            self.file(f"/run/systemd/netif/leases/{INDEX}", f"ADDRESS={ADDRESS}\nCLIENTID={CLIENT}\n")
        match system:
            case "ifupdown":
                self.file(
                    "/etc/network/interfaces",
                    "# The host's own words stay.\nauto lo\niface lo inet loopback\n\n"
                    f"allow-hotplug {NIC}\niface {NIC} inet {method}\n\nauto eno2\niface eno2 inet manual\n",
                )
                self.file("/run/network/ifstate", f"lo=lo\n{NIC}={NIC}\n")
                if dhcp:
                    self.dhclient("-i")
            case "networkd":
                words = "DHCP=yes" if dhcp else f"Address={ADDRESS}/24\nGateway={GATEWAY}"
                self.file("/etc/systemd/network/20-wired.network", f"[Match]\nName=en*\n\n[Network]\n{words}\n")
                self.file(state, "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/20-wired.network\n")
            case "netplan":
                words = "dhcp4: true" if dhcp else f"addresses: [{ADDRESS}/24]"
                self.file("/etc/netplan/50-cloud-init.yaml", f"network:\n  ethernets:\n    {NIC}:\n      {words}\n")
                self.file("/etc/cloud/cloud.cfg")
                self.file(f"/run/systemd/network/10-netplan-{NIC}.network")
                self.file(state, f"ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-{NIC}.network\n")
            case "NetworkManager":
                self.file(f"/run/NetworkManager/devices/{INDEX}", "[device]\nmanaged=1\nconnection-uuid=0-1\n")

    def dhclient(self, *options: str) -> None:
        """It has the lease."""
        self.file(f"/run/dhclient.{NIC}.pid", "77\n")
        self.file("/proc/77/cmdline", "".join(f"{word}\0" for word in ("dhclient", "-4", "-v", *options, NIC)))
        self.file(f"/var/lib/dhcp/dhclient.{NIC}.leases", f'default-duid "{DUID}";\nlease {{\n')

    def link_state(self, name: str, entries: list[dict[str, Any]], routes: list[dict[str, Any]], **more: Any) -> None:
        """What `ip` says of an interface; it holds the default route."""
        described = {"ifindex": INDEX, "ifname": name, "mtu": 1500, "address": MAC, "addr_info": entries} | more
        self.command(["ip", "-j", "-d", "address"], json.dumps([described]))
        defaults = [route for route in routes if route["dst"] == "default"]
        self.command(["ip", "-j", "-4", "route", "show", "default"], json.dumps(defaults))
        self.command(["ip", "-j", "-4", "route", "show", "dev"], json.dumps(routes))

    def looked(self) -> Look:
        return Look(self.shell, self.root)

    def present(self) -> Present:
        return present(self.looked())

    def machine(self, **changes: object) -> Machine:
        found = self.probe()
        return found.model_copy(update=changes)

    def plan(self, toml: str = "", machine: Machine | None = None) -> BootstrapPlan:
        return build(answers(toml), machine or self.machine(), self.present())


def answers(toml: str = "") -> Answers:
    """For a bootstrap; nothing more is needed."""
    return Answers.model_validate({"flow": "bootstrap", **tomllib.loads(toml)})
