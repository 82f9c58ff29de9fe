"""A rented Debian becomes a Xen host over SSH: killed, misled, set right, restarted; its address and its service stay."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .bootstrap_guest import DHCP_NETPLAN, DHCP_NETWORKD, STATIC_IFUPDOWN, Server, Variant, make_server
from .qemu import Disk, Machine, UserNet, free_port
from .remote import Remote

pytestmark = [pytest.mark.vm, pytest.mark.root]

ANSWERS = """flow = "bootstrap"
[xen]
dom0_memory = "1G"
dom0_vcpus = 1
[time]
zone = "Europe/Berlin"
[firewall]
open = ["tcp/8080"]
"""
# The right address behind a router that is not there: the session lives on, and the gateway never answers.
_MISLED = """
[network.ipv4]
method = "static"
address = "{address}/24"
gateway = "192.0.2.77"
[network.ipv6]
method = "none"
"""
_ADDRESSES = "ip -4 -o address show scope global | awk '{print $2, $4}'"
# Only the entries of Xen load theirs like this; update-grub puts it back.
_WITHOUT_INITRD = "sed -i '/module2.*--nounzip/d' /boot/grub/grub.cfg"
# As a power cut leaves a file. One that only lacks its end, GRUB starts without a word.
_BROKEN_XEN = "cp -p /boot/xen-*.gz /root && truncate -s 0 /boot/xen-*.gz && sync"
_APT_SECONDS = 1500


@contextmanager
def _machine(server: Server, variant: Variant) -> Iterator[tuple[Machine, Remote]]:
    port = free_port()
    nic = UserNet(forwards=(f"tcp:127.0.0.1:{port}-{variant.address}:22",))
    with Machine([Disk(server.disk, snapshot=False)], nics=[nic], name=f"server, {variant.name}") as machine:
        yield machine, Remote(port, server.key)


@contextmanager
def _running(server: Server, variant: Variant, seconds: float) -> Iterator[tuple[Machine, Remote]]:
    with _machine(server, variant) as (machine, remote):
        remote.wait(machine.console, seconds)
        yield machine, remote


def _write(remote: Remote, name: str, text: str) -> None:
    remote.check(f"cat > /root/{name} <<'END'\n{text}\nEND")


@pytest.mark.parametrize("variant", [STATIC_IFUPDOWN, DHCP_NETWORKD, DHCP_NETPLAN], ids=lambda variant: variant.name)
def test_it_becomes_a_host_and_nothing_else_changes(variant: Variant, tmp_path: Path) -> None:
    server = make_server(tmp_path, variant)
    with _running(server, variant, 420) as (machine, remote):
        remote.check("update-grub", 300)
        before = remote.check(_ADDRESSES).split()
        _write(remote, "answers.toml", ANSWERS)
        plan = remote.check("xeninstall bootstrap /root/answers.toml --plan", 300)
        assert "install xen-system-amd64" in plan and "+++ /etc/default/grub.d/xeninstall.cfg" in plan
        assert remote.check(_ADDRESSES).split() == before and "xen" not in remote.check("ls /boot"), "a plan changes nothing"
        if variant.misled:
            _is_killed_and_misled(remote, variant, before)
        # One session from the beginning to the end, over the change of the network that it hangs on.
        output, status = remote.run("xeninstall bootstrap /root/answers.toml --rollback-after 5m", _APT_SECONDS)
        assert status == 0, output
        assert "the new network is confirmed" in output
        assert remote.check(_ADDRESSES).split() == ["xenbr0", before[1]]
        assert remote.check("ls /sys/class/net/xenbr0/brif") == before[0]
        assert remote.check("systemctl is-active own.service") == "active"
        again = remote.check("xeninstall bootstrap /root/answers.toml", 300)
        assert again.splitlines() == ["nothing to do: this system is what the answers say", "Xen runs after a reboot."]
        if variant.misled:
            remote.check(f"{_WITHOUT_INITRD} && sync")
        remote.run("systemctl reboot")
        machine.wait(300)
    if variant.misled:
        _linux_comes_back_when_dom0_panics(server, variant)
        _linux_comes_back_when_xen_cannot_be_loaded(server, variant)
    with _running(server, variant, 600) as (_machine, remote):
        assert "hvm" in remote.check("xl info | grep virt_caps")
        assert remote.check(_ADDRESSES).split() == ["xenbr0", before[1]]
        own = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/hello').read().decode())"
        assert remote.check(f'python3 -c "{own}"') == "still here"
        assert "enX" not in remote.check("ls /sys/class/net"), "the card of xen.service's own QEMU"
        assert remote.check("readlink /etc/localtime").endswith("Europe/Berlin")
        assert "dport { 22, 8080 }" in remote.check("nft list ruleset")
        remote.check("until [ ! -e /var/lib/xeninstall/bootstrap/xen-awaited ]; do sleep 2; done", 300)
        variables = remote.check("grub-editenv list")
        assert "saved_entry=xen-gnulinux-simple-" in variables and "next_entry" not in variables
        again = remote.check("xeninstall bootstrap /root/answers.toml", 300)
        assert again == "nothing to do: this system is what the answers say"
        assert remote.check("systemctl list-units --failed --plain --no-legend") == ""


def _is_killed_and_misled(remote: Remote, variant: Variant, before: list[str]) -> None:
    _write(remote, "misled.toml", ANSWERS + _MISLED.format(address=variant.address))
    run = remote.start("xeninstall bootstrap /root/misled.toml --rollback-after 60s")
    # One session: to open another one costs the slow machine seconds.
    remote.check("until systemctl is-active -q xeninstall-apt.service && pgrep -x dpkg; do sleep 1; done", 600)
    assert run.poll() is None
    remote.check("pkill -KILL -f '^python3 -m xeninstall'")
    try:
        run.wait(60)
    except subprocess.TimeoutExpired:
        run.kill()
        raise
    assert remote.check("systemctl is-active xeninstall-apt.service") == "active", "apt is not killed with the run"
    output, status = remote.run("xeninstall bootstrap /root/misled.toml --rollback-after 60s --resume", _APT_SECONDS)
    assert status == 1, output
    assert "the gateway 192.0.2.77 does not answer" in output and "the network is as it was before" in output
    assert remote.check(_ADDRESSES).split() == before
    assert "xenbr0" not in remote.check("ls /sys/class/net")
    assert remote.run("grep -r next_entry=x /boot/grub/grubenv")[1] != 0, "Xen is not tried by a host whose network failed"


def _linux_comes_back_when_dom0_panics(server: Server, variant: Variant) -> None:
    with _machine(server, variant) as (machine, _):
        machine.console.expect(r"\(XEN\) Xen version 4\.", 120)
        machine.console.expect("Kernel panic - not syncing: VFS: Unable to mount root fs", 300, fatal=False)
        machine.wait(300)  # it restarts by itself
    with _running(server, variant, 420) as (machine, remote):
        _is_told_and_tried_again(remote)
        remote.check(_BROKEN_XEN)
        remote.run("systemctl reboot")
        machine.wait(300)


def _linux_comes_back_when_xen_cannot_be_loaded(server: Server, variant: Variant) -> None:
    with _machine(server, variant) as (machine, remote):
        machine.console.expect("Falling back to `", 120, fatal=False)
        remote.wait(machine.console, 420)
        remote.check("mv /root/xen-*.gz /boot/")
        _is_told_and_tried_again(remote)
        remote.run("systemctl reboot")
        machine.wait(300)


def _is_told_and_tried_again(remote: Remote) -> None:
    remote.check("until [ -e /var/lib/xeninstall/bootstrap/xen-missed ]; do sleep 2; done", 120)
    assert "next_entry" not in remote.check("grub-editenv list")
    assert "Xen did not start; Linux did, as before" in remote.check("journalctl -b -u xeninstall-confirm-xen.service")
    assert remote.check("systemctl is-active own.service") == "active"
    output = remote.check("xeninstall bootstrap /root/answers.toml", 600)
    assert "Xen did not start when it was tried last, and Linux did" in output
