"""The shipped example, installed by the command line and booted: what was answered is what a dom0 login finds.

One machine boots by BIOS to the login and is asked everything; the same image also gets Xen started by UEFI.
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .dns import ask
from .qemu import Disk, Machine, UserNet, free_port, hvm_expected

pytestmark = [pytest.mark.boot, pytest.mark.root]

MAC = "52:54:00:c0:ff:ee"


def test_uefi_starts_the_same_image_as_far_as_dom0_s_kernel(example: Path) -> None:
    with Machine([Disk(example)], firmware="uefi", name="uefi") as machine:
        machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
        machine.console.expect(r"\(XEN\) \*\*\* Building a PV Dom0 \*\*\*", 60)
        machine.console.expect(r"\(XEN\) Freed [0-9]+kB init memory", 60)


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Ports of this machine that lead to the host's."""
    return {"ssh": free_port(), "dns": free_port()}


@pytest.fixture(scope="module")
def host(example: Path, ports: dict[str, int]) -> Iterator[Console]:
    """The console of the booted example, root logged in with the documented password."""
    forwards = (f"tcp:127.0.0.1:{ports['ssh']}-192.0.2.10:22", f"tcp:127.0.0.1:{ports['dns']}-192.0.2.10:53")
    with Machine([Disk(example)], nics=[UserNet(MAC, forwards)], name="bios") as machine:
        machine.console.expect(r"\(XEN\) Xen version 4\.20", 120)
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        yield machine.console


def test_systemd_has_started_everything_and_nothing_failed(host: Console) -> None:
    state = host.run("systemctl is-system-running --wait", 300)
    assert host.check("systemctl list-units --failed --plain --no-legend") == ""
    assert state == ("running", 0)


def test_it_is_xen_4_20_with_hardware_virtualization(host: Console) -> None:
    info = dict(re.findall(r"^(\S+)\s*: (.*)$", host.check("xl info"), re.MULTILINE))
    assert (info["xen_major"], info["xen_minor"]) == ("4", "20")
    if hvm_expected():
        assert {"pv", "hvm", "hap"} <= set(info["virt_caps"].split())


def test_dom0_has_the_memory_and_processors_answered(host: Console) -> None:
    row = next(line.split() for line in host.check("xl list").splitlines() if line.startswith("Domain-0"))
    assert row[2:4] == ["1024", "2"]
    assert host.check("nproc") == "2"


def test_the_host_knows_its_name(host: Console) -> None:
    assert host.check("hostname") == "xenhost"
    assert host.check("hostname -f") == "xenhost.example.org"


def test_the_static_address_is_on_the_bridge_whose_only_port_is_the_card(host: Console) -> None:
    assert "192.0.2.10/24" in host.check("ip -br -4 address show dev xenbr0").split()
    card = host.check(f"grep -l {MAC} /sys/class/net/*/address | grep -v xenbr0").split("/")[4]
    assert host.check("ls /sys/class/net/xenbr0/brif") == card
    assert host.check("cat /sys/class/net/xenbr0/address") == MAC
    assert set(host.check("ls /sys/class/net").split()) == {"lo", "xenbr0", card}
    assert host.check("ip -br -4 address show").count("192.0.2.10/24") == 1


def test_the_default_route_leads_to_the_gateway_and_it_answers(host: Console) -> None:
    assert host.check("ip -4 route show default").split()[:5] == ["default", "via", "192.0.2.1", "dev", "xenbr0"]
    host.check("ping -c 1 -W 10 192.0.2.1", 30)


def test_the_host_asks_its_own_dns_server_which_also_answers_others(host: Console, ports: dict[str, int]) -> None:
    status = host.check("resolvectl --no-pager dns; resolvectl --no-pager domain")
    assert "127.0.0.1" in status and "example.org" in status
    assert "192.0.2.10" in host.check("resolvectl query xenhost.example.org")
    assert "nameserver 127.0.0.53" in host.check("cat /etc/resolv.conf")
    assert ask(("127.0.0.1", ports["dns"]), "xenhost.example.org") == ["192.0.2.10"]


def test_ssh_lets_in_by_keys_that_this_host_made(host: Console, ports: dict[str, int]) -> None:
    made = host.check("find /etc/ssh -name 'ssh_host_*_key' -newer /etc/hostname -printf '%f %m\\n'").splitlines()
    assert "ssh_host_ed25519_key 600" in made and len(made) >= 2
    with socket.create_connection(("127.0.0.1", ports["ssh"]), timeout=60) as wire:
        assert wire.recv(64).startswith(b"SSH-2.0-OpenSSH")
    assert host.check("sshd -T | grep -i ^permitrootlogin") == "permitrootlogin yes"


def test_it_has_an_identity_of_its_own(host: Console) -> None:
    assert re.fullmatch("[0-9a-f]{32}", host.check("cat /etc/machine-id"))


def test_time_zone_and_time_servers_are_as_answered(host: Console) -> None:
    assert host.check("timedatectl show -p Timezone --value") == "Europe/Berlin"
    assert host.check("date +%Z") in ("CET", "CEST")
    assert host.check("systemctl is-active chrony") == "active"
    assert "192.0.2.123" in host.check("chronyc -n sources")


def test_the_keyboard_is_the_answered_one(host: Console) -> None:
    assert 'XKBLAYOUT="de"' in host.check("cat /etc/default/keyboard")
    # On a German keyboard the key between T and U is Z (US: Y), which is what the console's own key map has to say.
    key = host.check("zcat /etc/console-setup/cached_UTF-8_del.kmap.gz | grep '^keycode 21 ' | cut -c1-40")
    assert key.startswith("keycode 21 = +U+007a ")


def test_the_firewall_lets_in_what_was_chosen_and_nothing_else(host: Console) -> None:
    rules = host.check("nft list chain inet filter input")
    assert "policy drop" in rules
    assert re.findall(r"^\s*(tcp|udp) dport (.*) accept", rules, re.MULTILINE) == [("tcp", "{ 22, 53 }"), ("udp", "53")]


def test_vm_storage_is_mounted_and_takes_files(host: Console) -> None:
    assert host.check("findmnt -no FSTYPE /var/lib/xen/images") == "ext4"
    free = int(host.check("df --output=avail -B1M /var/lib/xen/images | tail -n 1"))
    assert free > 6000
    host.check("touch /var/lib/xen/images/probe && rm /var/lib/xen/images/probe")
    assert host.check("findmnt -no FSTYPE /boot/efi") == "vfat"


def test_saved_guests_and_the_installer_s_records_have_their_places(host: Console) -> None:
    assert host.check("systemctl is-enabled xendomains") == "enabled"
    assert host.check("stat -c %a /var/log/xeninstall") == "750"
    assert "secret" in host.check("cat /etc/xeninstall/answers.toml")
    host.check("xeninstall --version")
