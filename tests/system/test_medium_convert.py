"""A machine that was booted from the medium sends itself to an installed host, where it is tried, and runs; its disk stays."""

import subprocess
from pathlib import Path

import pytest

from iso.medium.make import ISO
from tests.p2v.disks import sha

from .by_keys import PASSWORD, Wizard
from .guest_disk import MAC, make_guest
from .medium import BOOT_SECONDS, FIRST_SCREEN, MEMORY_MIB, built, kernel_of_medium, stick
from .qemu import Disk, Machine, UserNet
from .receiving_host import POOL, ReceivingHost
from .terminal import Terminal, TerminalError

pytestmark = [pytest.mark.vm, pytest.mark.root]

_SERIAL = "OLDDISK"
_CONVERT_SECONDS = 2400
_STEP_SECONDS, _LOOK_SECONDS = 120, 600
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


def test_by_keys(receiving: ReceivingHost, tmp_path: Path) -> None:
    old = _source(tmp_path)
    before = sha(old)
    # As on a host that got no key: root's password, and one that stands on no screen otherwise.
    receiving.remote.check(f"echo root:{PASSWORD} | chpasswd")
    receiving.remote.check("echo PermitRootLogin yes > /etc/ssh/sshd_config.d/00-test.conf && systemctl reload ssh")
    drives = [Disk(built(ISO), bus="cd", readonly=True), Disk(old, bus="ahci", serial=_SERIAL, snapshot=False)]
    nics, direct = [UserNet(MAC, reaches_us=True)], kernel_of_medium(tmp_path, "xeninstall.mode=wizard")
    with Machine(drives, nics=nics, direct=direct, memory_mib=MEMORY_MIB, name="source by keys") as source:
        source.console.expect(FIRST_SCREEN, BOOT_SECONDS)
        with source.screen(_STEP_SECONDS) as screen:
            _converts(screen, receiving)
            screen.move("BTab")
            screen.press("Enter")
            source.wait(300)
            assert not [shown for shown in screen.seen if PASSWORD in shown]
    assert sha(old) == before
    receiving.has_started("typed", MAC)
    receiving.remove("typed")


def _converts(screen: Terminal, receiving: ReceivingHost) -> None:
    """From the first screen to the last."""
    wizard = Wizard(screen, _STEP_SECONDS)
    screen.press("C-b", "r")  # drawn anew, for the terminal that has just come
    wizard.expect(FIRST_SCREEN)
    wizard.on("What to do")
    screen.press("3")
    wizard = Wizard(screen, _STEP_SECONDS, "Convert")
    wizard.expect("Convert - Network: card")
    wizard.on("Network: addresses")
    wizard.on("Source disks")
    screen.expect("(old-server)", _LOOK_SECONDS)
    wizard.on("Target")
    screen.move("Tab")
    screen.type(f"ssh://root@192.0.2.1:{receiving.port}/{POOL}")
    wizard.expect("Key of the host")
    screen.move("Tab")
    screen.type(receiving.fingerprint, room=40)
    screen.move("Tab")
    screen.type(PASSWORD, hidden=True)
    wizard.on("Virtual machine")
    screen.type("typed")
    screen.move("Tab")
    screen.move("Tab")
    screen.type("1G")
    wizard.on("Network cards")
    wizard.on("What is done")
    for _ in range(4):
        screen.move("Tab")
    screen.press("Space")
    wizard.expect("[x] start the virtual machine for a trial")
    screen.move("Tab")
    screen.press("Space")
    wizard.expect("[x] start the virtual machine on the host")
    wizard.on("Can it be converted?")
    screen.expect(" to copy", _LOOK_SECONDS)
    review = wizard.on("Review")
    assert "This machine's disks are only read" in review
    screen.press("C-n")
    screen.expect_passing("Convert - Converting", _STEP_SECONDS)
    done = _drawn_anew_until(screen, "Convert - Converted", _CONVERT_SECONDS)
    assert "up after" in done and "typed: 1 vCPUs, 1 GiB" in done, done


def _drawn_anew_until(screen: Terminal, text: str, timeout: float) -> str:
    """A kernel that finds its one processor slow writes over the screen."""
    for _ in range(int(timeout // 60)):
        screen.press("C-b", "r")
        try:
            return screen.expect(text, 60)
        except TerminalError:
            pass
    return screen.expect(text, 60)


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
