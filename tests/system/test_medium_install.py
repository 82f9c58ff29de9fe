"""The whole way without a hand: the medium finds its answers and installs, the machine restarts, and its disk starts the host.

Three machines between them have both firmwares, CD, stick and network, every bus of a disk, and three sources of answers; the
other two, and Secure Boot, are in test_medium_power_cuts, the stick under BIOS is in test_medium_wizard.
"""

import functools
import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iso.medium.make import ISO, NETBOOT
from iso.medium.remaster import remaster
from tests.servers import Answer, serving
from xeninstall.base.run import SystemRunner

from . import old_disks
from .answer_files import STATIC, answers
from .conftest import PASSWORD
from .console import LOGIN_SECONDS, Console
from .health import is_the_host
from .medium import BOOT_SECONDS, INSTALL_SECONDS, MEMORY_MIB, MENU_SECONDS, built, stick, take_first
from .qemu import BootNet, Disk, Machine
from .workshop import blank

pytestmark = [pytest.mark.vm, pytest.mark.root]

Record = Callable[[str, object], None]

NAME, SERIAL = "matrix.example.org", "VM-DISK"
ANSWERS = answers(disk=f'serial = "{SERIAL}"', rest=STATIC)
_GIB = 2**30


def _installs(console: Console, origin: str, record: Record) -> None:
    """From the menu to the last stage; the answers come from there."""
    console.expect("Loading its first root", MENU_SECONDS)
    began = time.monotonic()
    console.expect(f"Answers: {origin}", BOOT_SECONDS)
    console.expect(r"\[11/11\]", INSTALL_SECONDS)
    record("install_seconds", round(time.monotonic() - began))


def test_bios_cd_virtio_by_a_stick_called_xenanswers_over_a_much_used_disk(tmp_path: Path, record_property: Record) -> None:
    used, others = old_disks.much_used(tmp_path / "used"), old_disks.of_somebody(tmp_path / "others")
    theirs = old_disks.digest(others)
    target = Disk(used, serial=SERIAL, snapshot=False)
    disks = [
        Disk(built(ISO), bus="cd", readonly=True),
        *(target, Disk(others, serial="OTHERS", snapshot=False)),
        Disk(stick(tmp_path / "stick.img", "XENANSWERS", {"answers.toml": ANSWERS}), bus="usb", readonly=True),
    ]
    with Machine(disks, memory_mib=MEMORY_MIB, name="bios-cd-virtio-install") as machine:
        take_first(machine.console)
        _installs(machine.console, "XENANSWERS:/answers.toml", record_property)
        machine.wait(300)  # it restarts, which ends QEMU here
    assert old_disks.digest(others) == theirs
    assert old_disks.signatures(used) == [{"PMBR", "gpt"}, set(), {"vfat"}, {"ext4"}, {"ext4"}]
    assert subprocess.run(["sfdisk", "--verify", used], capture_output=True).returncode == 0
    with Machine([target], name="bios-cd-virtio-host") as machine:
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        is_the_host(host, NAME, "192.0.2.10/24")
        assert host.check("lsblk -nro TYPE | sort -u").split() == ["disk", "part"], "nothing of the old life came back"
        assert host.check("pvs --noheadings; grep -c ^md /proc/mdstat || :") in ("0", "")


def test_uefi_stick_nvme_with_large_sectors_by_answers_built_in_dhcp_and_thin(tmp_path: Path, record_property: Record) -> None:
    (tmp_path / "answers.toml").write_text(answers(disk=f'serial = "{SERIAL}"', storage='type = "thin"', rest=""))
    remaster(built(ISO), tmp_path / "answers.toml", tmp_path / "unattended.iso", SystemRunner())
    target = Disk(blank(tmp_path / "blank.img", 16 * _GIB), bus="nvme", serial=SERIAL, snapshot=False, sector_bytes=4096)
    disks = [Disk(tmp_path / "unattended.iso", bus="usb", readonly=True), target]
    with Machine(disks, firmware="uefi", memory_mib=MEMORY_MIB, name="uefi-usb-nvme-install") as machine:
        _installs(machine.console, r"the medium's xeninstall/answers\.toml", record_property)
        machine.wait(300)
    with Machine([target], firmware="uefi", name="uefi-usb-nvme-host") as machine:
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        is_the_host(host, NAME, "192.0.2.100/24")
        assert host.check("blockdev --getss /dev/nvme0n1") == "4096"
        assert "thin,pool" in host.check("lvs --noheadings -o lv_layout xenvms/vms")


def test_netboot_ahci_by_a_server_that_fails_twice_and_a_second_run_that_erases_nothing(
    tmp_path: Path, record_property: Record
) -> None:
    target = Disk(blank(tmp_path / "blank.img", 16 * _GIB), bus="ahci", serial=SERIAL, snapshot=False)
    with serving(Answer(503), Answer(503), Answer(body=ANSWERS.encode())) as fleet, serving() as hook:
        post, told = (f"http://10.0.2.2:{server.server_address[1]}/one" for server in (fleet, hook))
        words = f"xeninstall.post={post} xeninstall.webhook={told} xeninstall.after=stay"
        with (
            _published(_site(tmp_path / "site", words)) as port,
            Machine(
                [target],
                nics=[BootNet(f"http://10.0.2.2:{port}/boot.ipxe")],
                memory_mib=MEMORY_MIB,
                name="netboot-ahci-install",
            ) as machine,
        ):
            console = machine.console
            console.expect(r"Fetching live/system\.squashfs: [0-9]+ %", BOOT_SECONDS)  # what is before speaks to the screen alone
            console.expect("waiting for the server", BOOT_SECONDS)
            began = time.monotonic()
            console.expect("Answers: http://10", 120)
            console.expect(r"\[11/11\]", INSTALL_SECONDS)
            record_property("install_seconds", round(time.monotonic() - began))
            console.expect("The host is installed", 120)
            events = [json.loads(asked.body) for asked in hook.asked]
            # As if it had been started once more, with the medium left in the machine.
            console.expect("2  Install unattended", 60)
            console.send("2")
            console.expect("this host is installed already", 300)
            console.expect("7  Power off", 60)
            console.send("7")
            machine.wait(300)
        assert [asked.method for asked in fleet.asked] == ["POST"] * 4
        assert f'"serial": "{SERIAL}"' in fleet.asked[0].body.decode(), "the server is told what the machine is"
        assert events[-1]["event"] == "Finished" and events[-1]["machine"]["mac"] == BootNet.mac
        assert json.loads(hook.asked[-1].body)["event"] == "Failed"
    with Machine([target], name="netboot-ahci-host") as machine:
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        is_the_host(machine.console, NAME, "192.0.2.10/24")


def _site(place: Path, words: str) -> Path:
    """The netboot directory as a site serves it: with words of its own in the script, and the serial line for console."""
    place.mkdir()
    for entry in built(NETBOOT).iterdir():
        (place / entry.name).symlink_to(entry)
    script = (built(NETBOOT) / "boot.ipxe").read_text()
    assert "quiet console=tty0" in script
    (place / "boot.ipxe").unlink()
    (place / "boot.ipxe").write_text(script.replace("quiet console=tty0", f"quiet console=ttyS0,115200 {words}"))
    return place


@contextmanager
def _published(folder: Path) -> Iterator[int]:
    """A plain web server on loopback; its port."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
