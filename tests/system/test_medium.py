"""The boot medium in a machine: every way to start it leads to the wizard's first screen on the serial line.

make iso and make netboot have to have run; `make test-vm` sees to that.
"""

import base64
import functools
import http.server
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iso.medium.make import ISO, NETBOOT

from .console import Console
from .installer import REPOSITORY
from .qemu import BootNet, Disk, Machine, UserNet

pytestmark = [pytest.mark.vm, pytest.mark.root]

Record = Callable[[str, object], None]

FIRST_SCREEN = "Language and keyboard"
MENU_SECONDS, BOOT_SECONDS = 120, 420
MEMORY_MIB = 3072


def built(name: str) -> Path:
    """What was built by that name."""
    path = Path(os.environ.get("XENINSTALL_TEST_MEDIUM", REPOSITORY / "build")) / name
    if not path.exists():
        pytest.fail(f"there is no {path}: run `make iso netboot` first", pytrace=False)
    return path


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A disk with nothing on it."""
    path = tmp_path / "blank.img"
    with path.open("wb") as disk:
        disk.truncate(16 * 2**30)
    return path


def choose(console: Console, number: int) -> None:
    """Take the entry of GRUB's menu, counted from 0."""
    console.expect("Install a Xen host", MENU_SECONDS)
    time.sleep(2)
    for _ in range(number):
        console.send("\x0e")  # Ctrl+N, which needs no escape sequence
        time.sleep(0.3)
    console.send("\r")


def first_screen(console: Console) -> float:
    """Seconds from the kernel's start to the wizard's first screen."""
    console.expect("Loading its first root", 120)
    began = time.monotonic()
    console.expect(FIRST_SCREEN, BOOT_SECONDS)
    return time.monotonic() - began


@pytest.mark.parametrize(("firmware", "bus"), [("bios", "cd"), ("bios", "usb"), ("secure", "cd"), ("uefi", "usb")])
def test_cd_and_stick_show_the_wizard_under_either_firmware(
    firmware: str, bus: str, blank: Path, record_property: Record
) -> None:
    drives = [Disk(built(ISO), bus=bus, readonly=True), Disk(blank, serial="BLANK")]
    name = f"{firmware} {bus}"
    with Machine(drives, firmware=firmware, memory_mib=MEMORY_MIB, name=name) as machine:
        choose(machine.console, 0)
        seconds = first_screen(machine.console)
    record_property("first_screen_seconds", round(seconds))
    print(f"\n{name}: {seconds:.0f} s from the kernel's start to the wizard's first screen")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Shell"]:
    """Root's shell in the second window of a medium that was checked before use, with SSH by a password."""
    blank = tmp_path_factory.mktemp("live") / "blank.img"
    with blank.open("wb") as disk:
        disk.truncate(2**30)
    drives = [Disk(built(ISO), bus="cd", readonly=True), Disk(blank)]
    with Machine(drives, memory_mib=MEMORY_MIB, nics=[UserNet()], name="live") as machine:
        console = machine.console
        console.expect("Install a Xen host", MENU_SECONDS)
        time.sleep(2)
        edit(console, "xeninstall.verify xeninstall.ssh=password xeninstall.mode=wizard")
        console.expect("Checking the medium before it is used", 180)
        console.expect(r"Checking live/system\.squashfs: [0-9]+ %", 60)
        console.expect("The medium is whole: [0-9]+ files compared", 300)
        console.expect(FIRST_SCREEN, BOOT_SECONDS)
        console.send("\x022")
        console.expect(r"root@xeninstall", 120)
        console.send("stty -echo; PS1= exec sh\n")
        time.sleep(3)
        yield Shell(console)


class Shell:
    """A shell in tmux, which redraws as it likes: what a command says comes as one marked word of base64."""

    def __init__(self, console: Console) -> None:
        self._console, self._marks = console, itertools.count(1)

    def ask(self, command: str, timeout: float = 60) -> str:
        """What it says, on both streams."""
        mark = f"{next(self._marks):03d}"
        self._console.send(f"clear; {{ {command}; }} >/tmp/said 2>&1; echo '<<'{mark}:$(base64 -w0 /tmp/said):'>>'\n")
        found = self._console.expect(rf"<<{mark}:([A-Za-z0-9+/=\s]*):>>", timeout)
        return base64.b64decode("".join(found[1].split())).decode().strip()


def edit(console: Console, words: str) -> None:
    """Start by GRUB's own command line, which every menu has at `c`: the words are the kernel's."""
    console.send("c")
    console.expect("grub>", 30, fatal=False)
    console.send(f"start {words}\r")
    console.expect("Loading its first root", 120, fatal=False)
    console.send("boot\r")
    console.expect("grub> boot", 30, fatal=False)  # GRUB's prompt is no mishap here


def test_nothing_of_the_live_system_failed(live: Shell) -> None:
    assert live.ask("systemctl list-units --failed --plain --no-legend") == ""


def test_the_root_is_the_host_s_image_under_a_thin_layer(live: Shell) -> None:
    assert "lowerdir=/run/live/layer/live:/run/live/layer/system" in live.ask("findmnt -no OPTIONS /")
    assert live.ask("ls /run/live/medium/live").split() == [
        *("initrd.img", "live.squashfs", "packages.txt", "system.json", "system.squashfs", "vmlinuz")
    ]
    live.ask("partclone.extfs --version; qemu-img --version; python3 -c 'import xxhash'")


def test_the_network_is_up_by_dhcp_and_no_port_but_ssh_s_is_open(live: Shell) -> None:
    assert "192.0.2.100/24" in live.ask("ip -br -4 address")
    ports = {line.split()[3].rpartition(":")[2] for line in live.ask("ss -Hltn").splitlines() if "127.0.0.5" not in line}
    assert ports - {"53"} == {"22"}


def test_the_password_is_shown_and_never_logged(live: Shell) -> None:
    shown = live.ask("tmux show -gv status-right")
    assert shown.startswith("ssh root@192.0.2.100  ")
    password = shown.split()[-1]
    assert len(password) == 14
    assert live.ask(f"journalctl --no-pager | grep -c -F -e {password[:7]}''{password[7:]} || :") == "0"
    assert live.ask(f"ps ax | grep -v grep | grep -c -F -e {password[:7]}''{password[7:]} || :") == "0"
    assert live.ask("passwd -S root").split()[1] == "P"


def test_ipxe_over_http_shows_the_wizard(blank: Path, record_property: Record) -> None:
    handler = functools.partial(Quiet, directory=str(built(NETBOOT)))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://10.0.2.2:{server.server_port}/serial.ipxe"
        with Machine([Disk(blank)], nics=[BootNet(url)], memory_mib=MEMORY_MIB, name="netboot") as machine:
            began = time.monotonic()  # the firmware and iPXE say nothing on the serial line
            machine.console.expect(r"Fetching live/system\.squashfs: [0-9]+ %", BOOT_SECONDS)
            machine.console.expect(FIRST_SCREEN, BOOT_SECONDS)
            seconds = time.monotonic() - began
        server.shutdown()
    record_property("first_screen_seconds", round(seconds))
    print(f"\nnetboot: {seconds:.0f} s from power-on to the wizard's first screen")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The netboot directory, and a script that adds the serial console to it, as a site of its own would."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve."""
        if self.path == "/serial.ipxe":
            script = (
                (built(NETBOOT) / "boot.ipxe")
                .read_text()
                .replace("quiet console=tty0", "quiet console=ttyS0,115200 xeninstall.mode=wizard")
            )
            self.send_response(200)
            self.send_header("Content-Length", str(len(script.encode())))
            self.end_headers()
            self.wfile.write(script.encode())
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
