"""The network moves under a running systemd and comes back: real ifupdown, systemd-networkd and netplan, in a container.

A machine in QEMU takes minutes for what takes seconds here; test_bootstrap.py has the whole in one.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.p2v.disks import run

from .bootstrap_guest import INTERFACES, REPOSITORY, Variant, make_root

pytestmark = [pytest.mark.vm, pytest.mark.root]

SPACE, OUTSIDE, MAC = "xi-boot", "xi-boot0", "52:54:00:c0:ff:ee"
NETWORK = "198.51.100"
_STATIC = f"address {NETWORK}.10/24\n  gateway {NETWORK}.1\n"
_NETWORKD = "systemd-networkd.service"


def _netplan(words: str) -> dict[str, str]:
    text = f"network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0:\n      {words}\n"
    return {"/etc/netplan/50-cloud-init.yaml": text}


def _networkd(words: str) -> dict[str, str]:
    return {"/etc/systemd/network/20-wired.network": f"[Match]\nName=eth*\n\n[Network]\n{words}\n"}


_IFUPDOWN = {"/etc/network/interfaces": f"{INTERFACES}\nauto eth0\niface eth0 inet static\n  {_STATIC}"}
_ADDRESS = f"Address={NETWORK}.10/24\nGateway={NETWORK}.1"
_PLAN = f"addresses: [{NETWORK}.10/24]\n      routes: [{{to: default, via: {NETWORK}.1}}]"
VARIANTS = [
    Variant("12-ifupdown-static", 12, "", _IFUPDOWN),
    Variant("12-networkd-static", 12, "", _networkd(_ADDRESS), (_NETWORKD,)),
    Variant("12-networkd-dhcp", 12, "", _networkd("DHCP=yes"), (_NETWORKD,)),
    Variant("12-netplan-dhcp", 12, "", _netplan("dhcp4: true"), (_NETWORKD,)),
    Variant("13-ifupdown-static", 13, "", _IFUPDOWN),
    Variant("13-networkd-dhcp", 13, "", _networkd("DHCP=yes"), (_NETWORKD,)),
    Variant("13-netplan-static", 13, "", _netplan(_PLAN), (_NETWORKD,)),
    Variant("13-netplan-dhcp", 13, "", _netplan("dhcp4: true"), (_NETWORKD,)),
]
# An address that is free, behind a router that is not there.
MISLED = f"""
[network.ipv4]
method = "static"
address = "{NETWORK}.50/24"
gateway = "{NETWORK}.99"
"""


class Container:
    """A Debian under its own systemd, with one card on a wire to a router of the test's, which also gives leases."""

    def __init__(self, root: Path, log: Path) -> None:
        self._root, self._log = root, log

    def boot(self) -> None:
        """Start it on a new wire, and wait for its address."""
        run("ip", "netns", "add", SPACE)
        run("ip", "link", "add", OUTSIDE, "type", "veth", "peer", "name", "eth0", "netns", SPACE, "address", MAC)
        run("ip", "address", "add", f"{NETWORK}.1/24", "dev", OUTSIDE)
        run("ip", "link", "set", OUTSIDE, "up")
        leases = (f"--dhcp-range={NETWORK}.100,{NETWORK}.150,1h", f"--dhcp-leasefile={self._log.parent}/leases")
        alone = ("--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--pid-file=")
        self._router = subprocess.Popen(["dnsmasq", *alone, f"--interface={OUTSIDE}", *leases], start_new_session=True)
        argv = ["systemd-nspawn", "-q", "-D", str(self._root), "--boot", "--register=no", "--keep-unit", "--console=pipe"]
        argv += ["--machine=rented", "--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_ADMIN"]
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                [*argv, f"--network-namespace-path=/run/netns/{SPACE}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 90
        while not self.addresses():
            assert time.monotonic() < deadline, f"the container has no address: {self._log.read_text(errors='replace')[-2000:]}"
            time.sleep(1)

    def kill(self) -> None:
        """As if its plug were pulled."""
        for process in self._children(self._nspawn.pid):
            os.kill(process, signal.SIGKILL)
        for ours in (self._nspawn, self._router):
            ours.kill()
            ours.wait()
        subprocess.run(["ip", "link", "delete", OUTSIDE], capture_output=True)
        run("ip", "netns", "delete", SPACE)

    def run(self, *argv: str, timeout: float = 200) -> tuple[str, int]:
        """Run a program inside; its output and its status."""
        if not self._children(self._nspawn.pid):
            return "", 255
        done = subprocess.run(self._inside(argv), capture_output=True, text=True, timeout=timeout)
        return done.stdout + done.stderr, done.returncode

    def start(self, *argv: str) -> None:
        """Start a program inside, which ends with the container."""
        subprocess.Popen(self._inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _inside(self, argv: tuple[str, ...]) -> list[str]:
        init = self._children(self._nspawn.pid)
        enter = ["nsenter", "-t", str(init[0]), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "PYTHONPATH=/opt/xeninstall"]
        return [*enter, *clean, *argv]

    def move(self, seconds: int, toml: str = "") -> tuple[str, int]:
        """Change its network as bootstrap does."""
        return self.run("python3", "/opt/xeninstall/contained_network.py", str(seconds), toml)

    def addresses(self) -> dict[str, str]:
        """IPv4 addresses by interface."""
        said, _ = self.run("ip", "-4", "-o", "address", "show", "scope", "global")
        return dict(re.findall(r"^[0-9]+: (\S+) +inet (\S+)", said, re.MULTILINE))

    @staticmethod
    def _children(pid: int) -> list[int]:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(word) for word in children.read_text().split()] if children.exists() else []


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.name)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    root = make_root(tmp_path, request.param)
    (root / "opt/xeninstall/contained_network.py").write_text((REPOSITORY / "tests/system/contained_network.py").read_text())
    made = Container(root, tmp_path / "log")
    try:
        made.boot()
        yield made
    finally:
        made.kill()
        subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


def test_it_comes_back_when_it_does_not_work_and_stays_when_it_does(container: Container) -> None:
    before = container.addresses()
    files = container.run("sh", "-c", "cat /etc/network/interfaces /etc/netplan/* /etc/systemd/network/*")[0]

    said, status = container.move(10, MISLED)
    assert status == 1, said
    assert f"the gateway {NETWORK}.99 does not answer" in said
    assert container.addresses() == before, "the timer has put it back"
    assert container.run("sh", "-c", "cat /etc/network/interfaces /etc/netplan/* /etc/systemd/network/*")[0] == files
    assert container.run("ping", "-c", "1", "-W", "3", f"{NETWORK}.1")[1] == 0

    said, status = container.move(60)
    assert status == 0, said
    assert container.addresses() == {"xenbr0": before["eth0"]}, "the same address, static or by the same lease"
    assert container.run("ping", "-c", "1", "-W", "3", f"{NETWORK}.1")[1] == 0
    assert container.move(60)[1] == 7, "nothing is left to do"

    container.kill()
    container.boot()
    assert container.addresses() == {"xenbr0": before["eth0"]}


def test_what_was_not_confirmed_does_not_outlive_a_restart(container: Container) -> None:
    before = container.addresses()
    container.start("python3", "/opt/xeninstall/contained_network.py", "600", MISLED)
    deadline = time.monotonic() + 60
    while container.addresses() != {"xenbr0": f"{NETWORK}.50/24"}:
        assert time.monotonic() < deadline, container.addresses()
        time.sleep(1)
    container.kill()
    container.boot()
    assert container.addresses() == before
    assert container.run("systemctl", "status", "xeninstall-network-undo.service")[1] == 4, "the way back is gone"
