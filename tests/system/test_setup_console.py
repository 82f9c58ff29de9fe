"""The setup console of an installed host, by keys on its serial console under Xen: what is changed there holds, a change of the
network that nobody confirms goes by itself, and nothing is changed without root's password.
"""

import re
import subprocess
from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD, Installed
from .console import LOGIN_SECONDS, Console
from .qemu import Disk, Machine

pytestmark = [pytest.mark.vm, pytest.mark.root]

NEW = "staple-Battery7"
REST = """
[network.ipv4]
method = "static"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
[network.ipv6]
method = "none"
[dns]
mode = "servers"
servers = ["192.0.2.53"]
[time]
ntp = "none"
"""
_SECONDS = 180  # for a screen, in software emulation
NEXT, BACK, LEAVE, CLEAR, TAB, UP, ENTER = "\x0e", "\x10", "\x03", "\x15", "\t", "\x1b[A", "\r"


class Keys:
    """Presses keys one by one, since a console of Xen's loses what comes too fast."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def press(self, *keys: str, expect: str = "") -> str:
        """Each key with some time; then what was waited for, and time for its screen to be whole."""
        for key in keys:
            self._console.send(key)
            self._console.listen(1.0)
        found = self._console.expect(expect, _SECONDS)[0] if expect else ""
        self._console.listen(4.0)
        return found

    def type(self, text: str) -> None:
        for char in text:
            self._console.send(char)
            self._console.listen(0.2)
        self._console.listen(2)


def set_host_name(keys: Keys) -> None:
    """The first change asks for root's password: a wrong one opens nothing."""
    keys.press("4", expect="Root's password")
    keys.type("not-the-password")
    keys.press(ENTER, expect="That is not root's password")
    keys.type(PASSWORD)
    keys.press(ENTER, expect="Xen host - Host name")
    keys.press(CLEAR)
    keys.type("xen7")
    keys.press(NEXT, expect="Xen host - DNS")
    keys.press(NEXT, expect="then: xen7")
    keys.press(NEXT, expect="Applied, and kept as the host's answer file")


def set_time_server(keys: Keys) -> None:
    keys.press("5", expect="Xen host - Time zone")
    keys.press(NEXT, expect="Xen host - Time (?!zone)")
    # From `none`, the last of three, up to `servers`.
    keys.press(UP, " ", expect="NTP servers")
    keys.press(TAB)
    keys.type("192.0.2.123")
    keys.press(NEXT, expect=r"then: NTP: 192\.0\.2\.123")
    keys.press(NEXT, expect="Applied, and kept as the host's answer file")


def set_address(keys: Keys, address: str) -> None:
    """Up to the countdown."""
    keys.press("3", expect="Management network: card")
    keys.press(NEXT, expect="Management network: addresses")
    for _ in range(3):
        keys.press(TAB, CLEAR)
        keys.type(address)
        if "then" in keys.press(NEXT, expect=rf"then: IPv4 {re.escape(address)}|Nothing is different"):
            break
        # A busy machine has drawn the screen before it took keys.
        keys.press(BACK, expect="Management network: addresses")
    keys.press(NEXT, expect="Change the network now")
    keys.press(TAB, ENTER, expect="come back in [0-9]+ second")


def set_password(keys: Keys) -> None:
    keys.press("2", expect="Xen host - Root password")  # its row in the menu has the same words
    keys.type(NEW)
    keys.press(TAB)
    keys.type(NEW)
    keys.press(NEXT, expect="a new password")
    keys.press(NEXT, expect="Applied, and kept as the host's answer file")


def holds(host: Console) -> None:
    """What was set is what the host has."""
    assert host.check("hostname") == "xen7"
    assert host.check("ip -br -4 address show dev xenbr0").split()[2:] == ["192.0.2.30/24"]
    assert "server 192.0.2.123 iburst" in host.check("cat /etc/chrony/chrony.conf")
    assert "192.0.2.123" in host.check("chronyc -n sources")
    assert host.check("systemctl is-active chrony") == "active"
    kept = host.check("cat /etc/xeninstall/answers.toml")
    assert 'name = "xen7"' in kept and 'address = "192.0.2.30/24"' in kept and "password_hash was given" in kept
    assert host.run("ls /var/lib/xeninstall/undo /etc/systemd/system/xeninstall-undo.service")[1] != 0


def test_what_is_set_on_the_serial_console_holds_after_a_reboot(installed: Installed, tmp_path: Path) -> None:
    image = tmp_path / "host.img"
    subprocess.run(["cp", "--sparse=always", installed(answers(rest=REST)), image], check=True)
    with Machine([Disk(image, snapshot=False)], name="setup") as machine:
        host, keys = machine.console, Keys(machine.console)
        shown = host.expect(r"(?s)Name\s+matrix.*?Addresses\s+192\.0\.2\.10/24.*?Login shell", LOGIN_SECONDS)[0]
        assert "Looking" not in shown
        set_host_name(keys)
        set_time_server(keys)
        set_address(keys, "192.0.2.20/24")
        host.expect("The old settings are back: nobody confirmed", 240)  # its time is 90 seconds
        set_address(keys, "192.0.2.30/24")
        keys.press(NEXT, expect="Applied, and kept as the host's answer file")
        set_password(keys)
        keys.press(LEAVE)
        host.login("root", NEW, _SECONDS)
        assert host.check("journalctl --boot --unit xeninstall-undo --no-pager --output cat | grep -c Finished") == "1"
        holds(host)
        host.send("systemctl poweroff\n")
        machine.wait(300)
    with Machine([Disk(image)], name="after") as machine:
        machine.console.login("root", NEW, LOGIN_SECONDS)
        holds(machine.console)
