"""The boot medium with somebody at the serial line: a stick started by BIOS and checked before use, the running system looked at
over SSH, then the wizard by keys from its first screen to the restart, and the host that was typed.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from iso.medium.make import ISO
from tests.p2v.disks import make_disk
from tests.servers import Answer, serving

from .by_keys import ADDRESS, PASSWORD, ZONE, Wizard
from .console import LOGIN_SECONDS
from .health import is_the_host
from .installer import REPOSITORY
from .medium import BOOT_SECONDS, FIRST_SCREEN, INSTALL_SECONDS, MEMORY_MIB, Ssh, built, start
from .qemu import Disk, Machine, UserNet, free_port
from .terminal import Terminal

pytestmark = [pytest.mark.vm, pytest.mark.root]

_STEP_SECONDS = 90  # one or two on an idle machine


@dataclass(frozen=True)
class Running:
    """A medium at the wizard's first screen."""

    machine: Machine
    screen: Terminal  # the serial line
    ssh: Ssh
    target: Disk
    place: Path


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started with a check of every file, and SSH by a key that a server gives as well as by a password."""
    place = tmp_path_factory.mktemp("by-keys")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "key"], check=True)
    used = make_disk(place, "gpt", ["ext4"], "used.img")
    with used.open("r+b") as disk:
        disk.truncate(16 * 2**30)
    target = Disk(used, serial="BYKEYS", snapshot=False)
    port = free_port()
    nic = UserNet(forwards=(f"tcp:127.0.0.1:{port}-192.0.2.100:22",), reaches_us=True)
    drives = [Disk(built(ISO), bus="usb", readonly=True), target]
    with (
        serving(Answer(body=(place / "key.pub").read_bytes())) as keys,
        Machine(drives, memory_mib=MEMORY_MIB, nics=[nic], name="medium-by-keys") as machine,
    ):
        console = machine.console
        where = f"http://192.0.2.1:{keys.server_address[1]}/keys"
        start(console, f"xeninstall.verify xeninstall.ssh=password xeninstall.ssh={where} xeninstall.mode=wizard")
        console.expect("Checking the medium before it is used", 180)
        console.expect(r"Checking live/system\.squashfs: [0-9]+ %", 120)
        console.expect("The medium is whole: [0-9]+ files compared", 600)
        console.expect(FIRST_SCREEN, BOOT_SECONDS)
        with machine.screen(_STEP_SECONDS) as screen:
            screen.press("C-b", "r")  # drawn anew, for the terminal that has just come
            screen.expect(FIRST_SCREEN, _STEP_SECONDS)
            screen.expect("ssh root@192.0.2.100", BOOT_SECONDS)
            yield Running(machine, screen, Ssh(port, place / "key"), target, place)


def test_ssh_lets_in_by_the_servers_key_and_by_the_password_on_the_screen_which_is_nowhere_else(medium: Running) -> None:
    shown = re.search("ssh root@192.0.2.100  ([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})", medium.screen.screen())
    assert shown is not None
    assert medium.ssh.by_password(shown[1], medium.place) == "root"
    assert shown[1] not in medium.ssh.ask("journalctl --no-pager; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")


def test_nothing_of_the_running_system_failed(medium: Running) -> None:
    failed = "systemctl list-units --failed --plain --no-legend"
    assert medium.ssh.ask(f"systemctl is-system-running --wait >/dev/null; {failed}") == ""


def test_its_root_is_the_hosts_image_under_a_thin_layer(medium: Running) -> None:
    assert "lowerdir=/run/live/layer/live:/run/live/layer/system" in medium.ssh.ask("findmnt -no OPTIONS /")
    assert medium.ssh.ask("ls /run/live/medium/live").split() == [
        *("initrd.img", "live.squashfs", "packages.txt", "system.json", "system.squashfs", "vmlinuz")
    ]
    medium.ssh.ask("command -v partclone.extfs qemu-img mdadm lvm && python3 -c 'import xxhash'")


def test_it_has_an_address_by_dhcp_and_no_port_but_sshs_is_open(medium: Running) -> None:
    assert "192.0.2.100/24" in medium.ssh.ask("ip -br -4 address")
    open_ports = medium.ssh.ask("ss -Hltn | awk '{print $4}' | grep -v '^127\\.'")
    assert {line.rpartition(":")[2] for line in open_ports.splitlines()} == {"22"}


def test_the_second_window_is_a_shell_and_a_terminal_over_ssh_shows_the_same_run(medium: Running) -> None:
    medium.screen.press("C-b", "2")
    medium.screen.expect("root@xeninstall", _STEP_SECONDS)
    medium.screen.type("uname -s")
    medium.screen.press("Enter")
    medium.screen.expect("Linux", _STEP_SECONDS)
    with Terminal("xterm", medium.ssh.command("-tt"), REPOSITORY, _STEP_SECONDS) as other:
        other.expect("uname -s", _STEP_SECONDS)
        other.press("C-b", "1")
        other.expect(FIRST_SCREEN, _STEP_SECONDS)
        medium.screen.expect(FIRST_SCREEN, _STEP_SECONDS)


@pytest.fixture(scope="module")
def installed(medium: Running) -> Disk:
    """By keys, up to the restart."""
    screen, wizard = medium.screen, Wizard(medium.screen, _STEP_SECONDS)
    wizard.to_disk()
    screen.press("Space")
    wizard.expect("(*) /dev/vda")
    wizard.to_root()
    wizard.to_host()
    screen.type("typed")
    screen.move("Tab")
    screen.type("example.org")
    review = wizard.to_review()
    assert "WILL BE DESTROYED" in review and "serial BYKEYS" in review and 'ext4 "root"' in review
    screen.press("C-n")
    wizard.expect("This will be destroyed")
    screen.move("BTab")
    screen.type("ERASE")
    screen.move("Tab")
    screen.move("Tab")
    screen.press("Enter")
    screen.expect_passing("Xen host - Installing", _STEP_SECONDS)
    done = screen.expect("Xen host - Done", INSTALL_SECONDS)
    assert "The host is installed" in done and ADDRESS in done
    assert PASSWORD not in medium.ssh.ask("cat /run/xeninstall/*.log /run/xeninstall/*.toml 2>/dev/null || :")
    screen.move("BTab")
    screen.press("Enter")
    medium.machine.wait(300)
    assert not [shown for shown in screen.seen if PASSWORD in shown]
    return medium.target


def test_what_was_typed_is_the_host(installed: Disk) -> None:
    with Machine([installed], name="medium-by-keys-host") as machine:
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        is_the_host(host, "typed.example.org", ADDRESS)
        assert host.check("timedatectl show -p Timezone --value") == ZONE
        assert "thin,pool" in host.check("lvs --noheadings -o lv_layout xenvms/vms")
