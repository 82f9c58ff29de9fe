"""Refusals, word by word, and all of them at once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xeninstall.machine.model import Firmware, FirmwareMode, Verdict, Virtualization
from xeninstall.plan.check import Refused

from .server import INDEX, NIC, Server


def _ubuntu(server: Server) -> None:
    server.file("/etc/os-release", 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nVERSION_ID="24.04"\n')


def _trixie_is_fine(server: Server) -> None:
    server.file("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nID=debian\nVERSION_ID="11"\n')


def _arm(server: Server) -> None:
    server.command(["dpkg", "--print-architecture"], "arm64\n")


def _container(server: Server) -> None:
    server.file("/run/systemd/container", "lxc\n")


def _no_systemd(server: Server) -> None:
    (server.root / "run/systemd/system/.keep").unlink()
    (server.root / "run/systemd/system").rmdir()


def _guest(server: Server) -> None:
    server.file("/sys/hypervisor/type", "xen\n")
    server.file("/sys/hypervisor/uuid", "12345678-0000-0000-0000-000000000001\n")


def _audit(server: Server) -> None:
    server.command(["dpkg", "--audit"], "The following packages are only half configured:\n vim    Vi IMproved\n")


def _broken(server: Server) -> None:
    server.command(["apt-get", "-q", "check"], "", status=100, stderr="E: Unmet dependencies. Try 'apt --fix-broken install'.\n")


def _unknown(server: Server) -> None:
    server.command(["apt-get", "-q", "-y"], "", status=100, stderr="E: Unable to locate package xen-system-amd64\n")


def _held(server: Server) -> None:
    server.command(["apt-mark", "showhold"], "seabios\n")


def _no_menu(server: Server) -> None:
    (server.root / "boot/grub/grub.cfg").unlink()


def _no_multiboot(server: Server) -> None:
    (server.root / "boot/grub/i386-pc/multiboot2.mod").unlink()


def _no_entry(server: Server) -> None:
    server.file("/boot/grub/grub.cfg", "menuentry 'mine' {\n}\n")


def _nobody(server: Server) -> None:
    server.file("/run/network/ifstate", "lo=lo\n")


def _no_route(server: Server) -> None:
    server.command(["ip", "-j", "-4", "route", "show", "default"], "[]")


def _on_a_bond(server: Server) -> None:
    server.command(
        ["ip", "-j", "-4", "route", "show", "default"], json.dumps([{"dst": "default", "gateway": "192.0.2.1", "dev": "bond0"}])
    )
    server.command(
        ["ip", "-j", "-d", "address"], json.dumps([{"ifindex": 9, "ifname": "bond0", "linkinfo": {"info_kind": "bond"}}])
    )


def _first_file(server: Server) -> None:
    server.file("/run/network/ifstate", "lo=lo\n")
    server.file(f"/run/systemd/netif/links/{INDEX}", "NETWORK_FILE=/etc/systemd/network/00-a.network\n")


SYSTEM = [
    (_ubuntu, "this system is Ubuntu 24.04 LTS; bootstrap knows Debian 12 and 13"),
    (_trixie_is_fine, "this system is Debian GNU/Linux 11 (bullseye); bootstrap knows Debian 12 and 13"),
    (_arm, "the system's architecture is arm64; a Xen host here is amd64"),
    (_container, "this is a container: it has no kernel of its own; run it on the machine itself"),
    (_no_systemd, "systemd does not run here; start the machine with systemd as its init"),
    (_guest, "this is a guest of Xen already; run it on the machine itself"),
    (
        _audit,
        "dpkg has packages that are not installed whole: vim; run dpkg --configure -a, then apt-get --fix-broken install",
    ),
    (
        _broken,
        "apt-get check fails: Unmet dependencies. Try 'apt --fix-broken install'.; run apt-get --fix-broken install",
    ),
    (
        _unknown,
        "apt cannot install xen-system-amd64, qemu-system-xen, seabios, ovmf, grub-xen-host: Unable to locate package "
        "xen-system-amd64; run apt-get update, and see that Debian's main archive is in the apt sources",
    ),
    (
        _held,
        "packages on hold would have to change: seabios; release them with apt-mark unhold, or install these by hand",
    ),
    (
        _no_menu,
        "the boot loader is not Debian's GRUB: there is no /boot/grub/grub.cfg; install grub-pc or grub-efi-amd64",
    ),
    (_no_multiboot, "GRUB has no multiboot2 module in /boot/grub, which starts Xen; run grub-install for this disk"),
    (
        _no_entry,
        "GRUB's menu has no entry that update-grub makes for Linux; run update-grub, and see what it leaves out",
    ),
    (
        _nobody,
        f"who configures {NIC} is not known: neither ifupdown nor systemd-networkd, netplan or NetworkManager; "
        "let one of them bring it up",
    ),
    (
        _no_route,
        "this system has no default route, so that nobody knows which address to keep; give network.ipv4 and network.ipv6, or "
        "bring the network up",
    ),
    (
        _on_a_bond,
        "the default route is on bond0, a bond; bootstrap moves the address of a plain network card; put the address onto a "
        "network card first, or make xenbr0 yourself",
    ),
    (
        _first_file,
        "/etc/systemd/network/00-a.network would come before the files of the bridge, and systemd-networkd takes the first; "
        "rename it so that it sorts behind 00-xeninstall-",
    ),
]


def _refusal(server: Server, toml: str = "", **machine: object) -> list[str]:
    with pytest.raises(Refused) as caught:
        server.plan(toml, server.machine(**machine))
    assert caught.value.exit_code == 3
    return caught.value.message.splitlines()


@pytest.mark.parametrize(("change", "words"), SYSTEM, ids=[change.__name__ for change, _ in SYSTEM])
def test_what_stands_against_it(tmp_path: Path, change: Callable[[Server], None], words: str) -> None:
    server = Server(tmp_path)
    change(server)
    assert _refusal(server) == [words]


def test_all_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path)
    for change in (_ubuntu, _arm, _container, _audit, _no_multiboot, _nobody):
        change(server)
    assert len(_refusal(server, memory_bytes=2**30)) == 7


def test_enforced_secure_boot_and_a_cpu_without_virtualization(tmp_path: Path) -> None:
    server = Server(tmp_path)
    cpu = server.machine().cpu.model_copy(update={"virtualization": Virtualization(verdict=Verdict.UNSUPPORTED)})
    (words, secure) = _refusal(server, cpu=cpu, firmware=Firmware(mode=FirmwareMode.UEFI, secure_boot=True))
    assert words.startswith(
        "this CPU has no hardware virtualization; use another machine, or set hardware.require_virtualization"
    )
    assert secure.startswith(
        "Secure Boot is enforced, and Xen from Debian's packages cannot start under it; switch Secure Boot off"
    )


def test_a_firewall_beside_another_one(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.command(["systemctl", "is-active", "ufw"], "active\n")
    assert server.plan().title  # without [firewall] it is left alone
    assert _refusal(server, '[firewall]\nopen = ["tcp/80"]\n') == [
        "the answers have a [firewall], and ufw is at work here; leave [firewall] out, or remove ufw"
    ]


def test_a_card_that_does_not_have_the_address(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.nic("eno2", "52:54:00:00:00:02", "0000:00:1f.7", "8086:15b8", "e1000e")
    assert _refusal(server, '[network]\nnic = "eno2"\n') == [
        f"network.nic is eno2, and the present addresses are on {NIC}; give network.ipv4 and network.ipv6, too, or leave "
        "network.nic out"
    ]


def test_a_cloud_kernel_is_not_refused_but_gets_one_that_can_be_dom0(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.file("/boot/config-6.1.0-40-amd64", "# CONFIG_XEN_DOM0 is not set\n")
    packages = next(stage for stage in server.plan().stages if stage.name == "packages")
    assert "linux-image-amd64" in packages.model_dump_json()
