"""Real networks: two namespaces and a veth pair between them, with dnsmasq and a time server at the other end."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces"),
    pytest.mark.skipif(not all(map(shutil.which, ("ip", "arping", "ping", "dnsmasq"))), reason="tools are missing: make setup"),
]

# Runs at the far end; two hours ahead, so that the offset is seen to be measured.
_TIME_SERVER = """
import socket, struct, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 123))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(100)
    now = int((time.time() + 2208988800 + 7200) * 2**32)
    s.sendto(struct.pack("!BBbb3I", 36, 2, 4, -20, 0, 0, 0) + bytes(8) + data[40:48] + struct.pack("!QQ", now, now), sender)
"""


# A router in VLAN 20 that is made of bytes alone, so that what it understands is what a switch's port would see.
_ROUTER_IN_VLAN_20 = """
import socket, struct, time
MAC, OWN = bytes.fromhex("020000000020"), bytes([198, 51, 100, 1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("far0", 3))
s.setsockopt(263, 8, 1)
print("ready", flush=True)
while True:
    frame, more, _, sender = s.recvmsg(3000, 64)
    tags = [struct.unpack("=IIIHHHH", data)[5] for _, _, data in more if struct.unpack("=IIIHHHH", data)[0] & 0x10]
    if sender[2] == 4 or tags != [20]:
        continue
    head = frame[6:12] + MAC + bytes.fromhex("81000014")
    if frame[12:14] == bytes.fromhex("0806") and frame[20:22] == bytes([0, 1]) and frame[38:42] == OWN:
        s.send(head + frame[12:20] + bytes([0, 2]) + MAC + OWN + frame[22:32])
    elif frame[12:14] == bytes.fromhex("0800") and frame[:6] == MAC and frame[30:34] == OWN:
        ip, rest = frame[14:26] + OWN + frame[26:30], frame[34:]
        if frame[23] == 1:
            added = struct.unpack("!H", rest[2:4])[0] + 0x0800
            s.send(head + frame[12:14] + ip + b"\\0\\0" + struct.pack("!H", (added & 0xFFFF) + (added >> 16)) + rest[4:])
        elif frame[23] == 17:
            port, data = rest[2:4], rest[8:]
            now = int((time.time() + 2208988800) * 2**32)
            ntp = struct.pack("!BBbb3I", 36, 2, 4, -20, 0, 0, 0) + bytes(8) + data[40:48] + struct.pack("!QQ", now, now)
            data = ntp if port == struct.pack("!H", 123) else data[:2] + bytes([0x81, 0x80]) + data[4:]
            s.send(head + frame[12:14] + ip[:2] + struct.pack("!H", 28 + len(data)) + ip[4:10]
                   + struct.pack("!H", checksum(ip[:2] + struct.pack("!H", 28 + len(data)) + ip[4:10] + bytes(2) + ip[12:]))
                   + ip[12:] + port + rest[:2] + struct.pack("!HH", 8 + len(data), 0) + data)
"""
_CHECKSUM = """
def checksum(head):
    import struct
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
"""
# `xeninstall` on a kernel without the module 8021q.
_WITHOUT_VLANS = """
import sys
from xeninstall import cli
from xeninstall.base import run
from xeninstall.verbs import prove
class Runner(run.SystemRunner):
    def run(self, argv, **how):
        refused = run.Completed(tuple(argv), 2, "", "Error: Unknown device type.\\n")
        return refused if "vlan" in argv else super().run(argv, **how)
prove.SystemRunner = Runner
sys.exit(cli.main(sys.argv[1:]))
"""


class Net:
    """A host's namespace with eth7, and a router's with everything else."""

    def __init__(self, folder: Path) -> None:
        self.host, self.router = (f"xiproof-{os.getpid()}-{end}" for end in ("host", "router"))
        self.folder = folder
        self.far: list[subprocess.Popen[str]] = []

    def build(self) -> None:
        for name in (self.host, self.router):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "far0", "netns", self.router, "type", "veth", "peer", "name", "eth7", "netns", self.host)
        _ip("-n", self.router, "link", "set", "far0", "up")
        # A router does not follow its own advertisements.
        quiet = "echo 0 > /proc/sys/net/ipv6/conf/far0/accept_ra"
        _ip("netns", "exec", self.router, "sh", "-c", quiet)
        for address in ("192.0.2.1/24", "2001:db8:1::1/64"):
            _ip("-n", self.router, "address", "add", address, "dev", "far0", "nodad")

    def settle(self) -> None:
        """A router speaks from its link-local address, once it has a link and the address is known to be its alone."""
        _ip("-n", self.host, "link", "set", "eth7", "up")
        for _ in range(50):
            if "tentative" not in _ip("-n", self.router, "-6", "address", "show", "dev", "far0"):
                return
            time.sleep(0.1)

    def serve(self, *options: str) -> None:
        """dnsmasq, told to answer quickly, and the time server."""
        common = [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--no-ping",
            "--log-facility=-",
        ]
        common += [f"--dhcp-leasefile={self.folder}/leases", "--pid-file", "--interface=far0", "--bind-interfaces", "--user=root"]
        self._far(*common, "--address=/time.example.org/192.0.2.1", *options)
        ready = self._far(sys.executable, "-c", _TIME_SERVER)
        assert ready.stdout is not None
        assert ready.stdout.readline() == "ready\n"
        for _ in range(50):
            if (
                "192.0.2.1:53"
                in subprocess.run(
                    ["ip", "netns", "exec", self.router, "ss", "-Hlun"], capture_output=True, text=True, check=False
                ).stdout
            ):
                return
            time.sleep(0.1)

    def in_vlan_20(self) -> None:
        """A router there, and a cable that carries frames of some size."""
        for end, name in ((self.router, "far0"), (self.host, "eth7")):
            _ip("-n", end, "link", "set", name, "mtu", "2000")
        ready = self._far(sys.executable, "-c", _CHECKSUM + _ROUTER_IN_VLAN_20)
        assert ready.stdout is not None
        assert ready.stdout.readline() == "ready\n"

    def prove(self, answers: str, *, by: str = "the kernel") -> dict[str, list[str]]:
        """`xeninstall prove` in the host's namespace; outcome and text of each result, by name."""
        path = self.folder / "answers.toml"
        path.write_text('[root]\npassword_hash = "!"\nssh_keys = ["ssh-ed25519 ' + "A" * 68 + '"]\n' + answers)
        program = ["-m", "xeninstall"] if by == "the kernel" else ["-c", _WITHOUT_VLANS]
        argv = ["ip", "netns", "exec", self.host, sys.executable, *program, "prove", str(path)]
        done = subprocess.run([*argv, "--interface", "eth7", "--json"], capture_output=True, text=True, check=False)
        assert not done.stderr, done.stderr
        found: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            result = json.loads(line)
            found.setdefault(result["name"], []).append(f"{result['outcome']}: {result['text']}")
        assert done.returncode == int(any("failed: " in text for texts in found.values() for text in texts))
        return found

    def traces(self) -> str:
        """What the host's namespace has beside the card itself."""
        shown = [_ip("-n", self.host, *what) for what in (["-4", "-o", "address"], ["rule"], ["-6", "rule"], ["-br", "link"])]
        shown.append(_ip("-n", self.host, "route", "show", "table", "all"))
        return "\n".join(line for text in shown for line in text.splitlines() if "127.0.0.1" not in line)

    def _far(self, *argv: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            ["ip", "netns", "exec", self.router, *argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.far.append(started)
        return started

    def remove(self) -> None:
        for process in self.far:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        for name in (self.host, self.router):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    """A network; nothing is served in it yet."""
    made = Net(tmp_path)
    try:
        made.build()
        yield made
    finally:
        made.remove()


def test_dhcp_gateway_names_and_time_are_proven_and_nothing_is_left(net: Net) -> None:
    net.serve("--dhcp-range=192.0.2.100,192.0.2.110,1h", "--dhcp-option=option:ntp-server,192.0.2.1", "--address=/#/192.0.2.9")
    before = net.traces()
    found = net.prove('[network.ipv6]\nmethod = "none"\n')
    assert found["link"] == ["passed: eth7 has a link"]
    [lease] = found["lease"]
    assert lease.startswith("passed: address 192.0.2.1")
    assert lease.endswith("from 192.0.2.1 for 1 h, gateway 192.0.2.1, DNS 192.0.2.1, NTP 192.0.2.1")
    assert found["gateway"][0].startswith("passed: the gateway 192.0.2.1 answers, MAC address ")
    assert "the DNS server 192.0.2.1 answers" in found["dns"][0]
    assert found["ntp"] == ["passed: the time server 192.0.2.1 answers: this machine's clock is 2 h slow"]
    assert net.traces() == before
    assert (net.folder / "leases").read_text() == ""  # given back


def test_a_static_address_its_conflict_and_servers_of_ones_own(net: Net) -> None:
    net.serve()
    static = '[network.ipv6]\nmethod = "none"\n[network.ipv4]\nmethod = "static"\naddress = "{}/24"\ngateway = "192.0.2.1"\n'
    more = '[dns]\nmode = "servers"\nservers = ["192.0.2.1"]\n[time]\nntp = "servers"\nservers = ["time.example.org"]\n'
    found = net.prove("[network]\nmtu = 1400\n" + static.format("192.0.2.7") + more)
    assert found["address"] == ["passed: nobody else has 192.0.2.7"]
    assert found["mtu"] == ["passed: packets of 1400 bytes reach the gateway whole"]
    assert found["ntp"][0].startswith("passed: the time server time.example.org answers")
    _ip("-n", net.router, "address", "add", "192.0.2.8/24", "dev", "far0")
    found = net.prove(static.format("192.0.2.8").replace("mtu = 1400", "") + more)
    assert found["address"][0].startswith("failed: 192.0.2.8 is taken by the machine with the MAC address ")
    assert "gateway" not in found


def test_ipv6_by_router_and_static_with_its_conflict(net: Net) -> None:
    net.settle()
    net.serve("--enable-ra", "--dhcp-range=2001:db8:1::,ra-only")
    four = '[network.ipv4]\nmethod = "none"\n'
    more = '[dns]\nmode = "servers"\nservers = ["2001:db8:1::1"]\n[time]\nntp = "servers"\nservers = ["2001:db8:1::1"]\n'
    found = net.prove(four + more)
    assert found["router"][0].endswith("prefix 2001:db8:1::/64")
    assert found["gateway"][0].startswith("passed: the gateway fe80::")
    assert found["ntp"][0].startswith("passed: ")
    six = '[network.ipv6]\nmethod = "static"\naddress = "{}/64"\ngateway = "2001:db8:1::1"\n'
    found = net.prove(four + six.format("2001:db8:1::7") + more)
    assert found["address"] == ["passed: nobody else has 2001:db8:1::7"]
    assert found["gateway"][0].startswith("passed: the gateway 2001:db8:1::1 answers")
    _ip("-n", net.router, "address", "add", "2001:db8:1::8/64", "dev", "far0", "nodad")
    taken = net.prove(four + six.format("2001:db8:1::8") + more)["address"]
    assert taken[0].startswith("failed: 2001:db8:1::8 is taken")


def test_a_vlan_is_proven_by_packets_that_carry_its_tag(net: Net) -> None:
    net.in_vlan_20()
    for by in ["ourselves", "the kernel"] if _makes_vlans(net) else ["ourselves"]:
        _prove_vlan_20(net, by)


def _prove_vlan_20(net: Net, by: str) -> None:
    before = net.traces()
    static = '[network.ipv6]\nmethod = "none"\n[network.ipv4]\nmethod = "static"\naddress = "198.51.100.7/24"\n'
    more = 'gateway = "198.51.100.1"\n[dns]\nmode = "servers"\nservers = ["198.51.100.1"]\n'
    more += '[time]\nntp = "servers"\nservers = ["198.51.100.1"]\n'
    found = net.prove("[network]\nvlan = 20\nmtu = 1900\n" + static + more, by=by)
    assert found["vlan"] == ["passed: packets carry the tag of VLAN 20"]
    assert found["address"] == ["passed: nobody else has 198.51.100.7"]
    assert found["gateway"] == ["passed: the gateway 198.51.100.1 answers, MAC address 02:00:00:00:00:20"]
    assert found["mtu"] == ["passed: packets of 1900 bytes reach the gateway whole"]
    assert found["dns"] == ["passed: the DNS server 198.51.100.1 answers"]
    assert found["ntp"][0].startswith("passed: the time server 198.51.100.1 answers")
    assert net.traces() == before
    # The same questions with another tag, and with none, reach nobody.
    only = 'gateway = "198.51.100.1"\n[dns]\nmode = "servers"\nservers = ["2001:db8::1"]\n[time]\nntp = "none"\n'
    for vlan in ("vlan = 21\n", ""):
        away = net.prove(f"[network]\n{vlan}{static}{only}", by=by)
        assert away["gateway"][0].startswith("failed: the gateway 198.51.100.1 does not answer")


def _makes_vlans(net: Net) -> bool:
    tagged = ["link", "add", "link", "far0", "name", "far0.9", "type", "vlan", "id", "9"]
    return subprocess.run(["ip", "-n", net.router, *tagged], check=False, capture_output=True).returncode == 0


def test_a_pulled_cable(net: Net) -> None:
    _ip("-n", net.router, "link", "set", "far0", "down")
    assert net.prove("") == {
        "link": ["failed: eth7 has no link; look at the cable and the switch's port, or choose another card"]
    }


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
