"""Ansible's play of the examples: on a container, as far as a system without a kernel goes; on a machine, to the host."""

import subprocess
import time
from pathlib import Path

import pytest

from .ansible import Play, prepared
from .bootstrap_guest import DHCP_NETWORKD, INTERFACES, Variant, make_server
from .container import NETWORK, Roots, contained
from .qemu import Disk, Machine, UserNet, free_port
from .remote import Remote

pytestmark = [pytest.mark.vm, pytest.mark.root]

ANSWERS = 'flow = "bootstrap"\n[xen]\ndom0_memory = "1G"\n'
_STATIC = f"auto eth0\niface eth0 inet static\n  address {NETWORK}.10/24\n  gateway {NETWORK}.1\n"
_TO_THE_PLAN = [
    "Gathering Facts",
    "Python's own environments",
    "Whether the program is there",
    "The program, in a directory of its own",
    "The answers, for root alone, since they may hold a hash",
    "Every mistake of them at once",
    "What would be done",
]
_TO_THE_END = [*_TO_THE_PLAN, "Packages, network, boot loader", "Start Xen", "The restart, now", "It runs under Xen"]


@pytest.mark.parametrize("debian", [12, 13])
def test_a_container_is_brought_to_the_plan_and_refused_there(debian: int, roots: Roots, tmp_path: Path) -> None:
    variant = Variant(f"{debian}-static", debian, "", {"/etc/network/interfaces": f"{INTERFACES}\n{_STATIC}"})
    with contained(roots, variant, tmp_path) as container:
        remote = Remote(22, container.key, f"{NETWORK}.10")
        container.until(lambda: remote.run("true")[1] == 0, "somebody can log in over SSH")
        before = container.addresses()
        with prepared(remote, debian, 'flow = "bootstrap"\n[xen]\ndom0_vcpus = "many"\n') as play:
            played = play.run(1800)
            assert (played.status, played.tasks) == (2, _TO_THE_PLAN[:-1]), played.output
            assert "/root/xeninstall.toml:3: xen.dom0_vcpus: " in played.output
            assert played.counts == (5, 3, 0, 1), "packages, program and answers are new"
            play.answers.write_text(ANSWERS)
            played = play.run(600)
            assert (played.status, played.tasks) == (2, _TO_THE_PLAN), played.output
            assert "this is a container: it has no kernel of its own" in played.output
            assert played.counts == (5, 1, 0, 1), "other answers, and nothing else"
            assert play.run(600).counts == (5, 0, 0, 1)
        assert container.addresses() == before
        assert "xen-system-amd64" not in remote.check("dpkg-query --show")


def test_a_machine_becomes_a_host(tmp_path: Path) -> None:
    server = make_server(tmp_path, DHCP_NETWORKD)
    port = free_port()
    nic = UserNet(forwards=(f"tcp:127.0.0.1:{port}-{DHCP_NETWORKD.address}:22",))
    remote = Remote(port, server.key)
    with Machine([Disk(server.disk, snapshot=False)], nics=[nic], name="server of a play") as machine:
        remote.wait(machine.console, 420)
        remote.check("update-grub", 300)
        with prepared(remote, DHCP_NETWORKD.debian, ANSWERS) as play:
            _becomes_a_host(machine, nic, server.disk, play)


def _becomes_a_host(machine: Machine, nic: UserNet, disk: Path, play: Play) -> None:
    started = play.start()
    try:
        # The restart ends QEMU, and Ansible waits for the machine to come again.
        _until_it_restarts(machine, play, started, 3600)
        with Machine([Disk(disk, snapshot=False)], nics=[nic], name="host of a play") as host:
            play.remote.wait(host.console, 600)
            played = play.ended(started, 900)
            assert (played.status, played.tasks) == (0, _TO_THE_END), played.output
            assert "hvm" in play.remote.check("xl info | grep virt_caps")
            again = play.run(900)
            assert again.status == 0 and again.counts[1] == 0, again.output
    finally:
        started.kill()


def _until_it_restarts(machine: Machine, play: Play, started: "subprocess.Popen[bytes]", seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while machine.running():
        if started.poll() is not None:
            ended = play.ended(started, 1)
            raise AssertionError(f"the play ended with status {ended.status} before the restart:\n{ended.output}")
        assert time.monotonic() < deadline, "the machine does not restart"
        time.sleep(2)
