"""A machine that was booted from the medium sends itself to an installed host, where it is tried, and runs; its disk stays."""

import subprocess
from pathlib import Path

import pytest

from iso.medium.make import ISO
from tests.p2v.disks import sha

from .guest_disk import MAC, make_guest
from .medium import BOOT_SECONDS, MEMORY_MIB, built, kernel_of_medium, stick
from .qemu import Disk, Machine, UserNet
from .receiving_host import POOL, ReceivingHost

pytestmark = [pytest.mark.vm, pytest.mark.root]

_SERIAL = "OLDDISK"
_CONVERT_SECONDS = 2400
# The card's name is the same to the medium and to the system on the disk, as the kernel names it by its place.
_CARD = "enp0s4"
_ANSWERS = f"""flow = "convert"
[convert]
name = "sent"
target = "ssh://root@192.0.2.1:{{port}}/{POOL}"
host_key = "{{key}}"
identity = "key"
mode = "pv"
vcpus = 1
memory = "1G"
test_boot = true
start = true
[[convert.source]]
serial = "{_SERIAL}"
[finish]
after = "poweroff"
"""


def _source(folder: Path) -> Path:
    """A machine's disk whose system calls its card as that machine does."""
    old = make_guest(folder, "bios").path
    interfaces = folder / "interfaces"
    interfaces.write_text(
        f"auto lo\niface lo inet loopback\nauto {_CARD}\niface {_CARD} inet static\n"
        "  address 192.0.2.77/24\n  gateway 192.0.2.1\n"
    )
    commands = f"rm /etc/network/interfaces\nwrite {interfaces} /etc/network/interfaces\n"
    subprocess.run(["debugfs", "-w", "-f", "-", f"{old}?offset={1 << 20}"], input=commands, text=True, check=True)
    return old


def test_by_an_answer_file(receiving: ReceivingHost, tmp_path: Path) -> None:
    old = _source(tmp_path)
    before = sha(old)
    text = _ANSWERS.format(port=receiving.port, key=receiving.fingerprint)
    answers = stick(tmp_path / "stick.img", "XENANSWERS", {"answers.toml": text, "key": receiving.key.read_text()})
    drives = [
        Disk(built(ISO), bus="cd", readonly=True),
        Disk(old, bus="ahci", serial=_SERIAL, snapshot=False),
        Disk(answers, bus="usb", readonly=True),
    ]
    nics, direct = [UserNet(MAC, reaches_us=True)], kernel_of_medium(tmp_path, "")
    with Machine(drives, nics=nics, direct=direct, memory_mib=MEMORY_MIB, name="source") as source:
        console = source.console
        console.expect("This machine becomes the virtual machine sent", BOOT_SECONDS)
        console.expect("sent was up after", _CONVERT_SECONDS)
        console.expect("The machine is converted", 120)
        source.wait(300)
    assert sha(old) == before
    receiving.has_started("sent", MAC)
    receiving.remove("sent")
