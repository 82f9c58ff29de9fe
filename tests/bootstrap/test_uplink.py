"""What holds the default route, read from each network system's own records."""

from pathlib import Path

import pytest

from xeninstall.bootstrap.takeover import without_interface
from xeninstall.bootstrap.uplink import Manager, uplink

from .server import ADDRESS, GATEWAY, MAC, NIC, SYSTEMS, Server

_MANAGERS = dict(zip(SYSTEMS, (Manager.IFUPDOWN, Manager.NETWORKD, Manager.NETPLAN, Manager.NETWORK_MANAGER), strict=True))


@pytest.mark.parametrize("dhcp", [False, True], ids=["static", "dhcp"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_who_has_it_and_how(tmp_path: Path, system: str, dhcp: bool) -> None:
    found = uplink(Server(tmp_path, system, dhcp=dhcp).looked())
    assert found is not None
    assert (found.name, found.mac, found.manager) == (NIC, MAC, _MANAGERS[system])
    assert found.ipv4.automatic is dhcp and not found.ipv6.automatic and found.link_local
    assert (found.ipv4.addresses, found.ipv4.gateway) == (((), "") if dhcp else ((f"{ADDRESS}/24",), GATEWAY))


def test_a_lease_keeps_its_client_identifier(tmp_path: Path) -> None:
    found = uplink(Server(tmp_path, "networkd", dhcp=True).looked())
    assert found is not None
    assert found.client == (
        "ClientIdentifier=duid",
        "IAID=3055685611",
        "DUIDType=vendor",
        "DUIDRawData=00:00:ab:11:aa:bb:cc:dd:ee:ff:00:11",
    )


# The end of the MAC address; then the DUID.
_LLT = ("ClientIdentifier=duid", "IAID=12648430", "DUIDType=link-layer-time", "DUIDRawData=00:01:32:99:59:5e:52:54:00:22:5c:ee")


def _client(server: Server) -> tuple[str, ...] | None:
    found = uplink(server.looked())
    assert found is not None
    return found.client


def test_dhclient_s_identifier_is_read_where_it_names_itself_by_one(tmp_path: Path) -> None:
    server = Server(tmp_path, dhcp=True)
    assert _client(server) == _LLT
    server.dhclient()
    assert _client(server) == (), "by its MAC address"
    server.dhclient("-i")
    server.file(f"/var/lib/dhcp/dhclient.{NIC}.leases", "lease {\n")
    assert _client(server) is None
    server.dhclient("-i")
    server.file("/etc/dhcp/dhclient.conf", "# send dhcp-client-identifier 1:2;\n")
    assert _client(server) == _LLT
    server.file("/etc/dhcp/dhclient.conf", f'interface "{NIC}" {{ send dhcp-client-identifier 1:2; }}\n')
    assert _client(server) is None


def _without_dhclient(root: Path) -> Server:
    server = Server(root, dhcp=True)
    (root / f"run/dhclient.{NIC}.pid").unlink()
    return server


def test_dhcpcd_s_identifier_is_read_where_it_names_itself_by_one(tmp_path: Path) -> None:
    server = _without_dhclient(tmp_path)
    server.file(f"/run/dhcpcd/{NIC}.pid", "77\n")
    server.file("/etc/dhcpcd.conf", "hostname\n#clientid\nduid\npersistent\n")
    assert _client(server) is None, "its file of the DUID is not there"
    server.file("/var/lib/dhcpcd/duid", "00:01:00:01:32:99:59:5e:52:54:00:22:5c:ee\n")
    assert _client(server) == _LLT
    server.file("/etc/dhcpcd.conf", "hostname\nclientid\n#duid\n")
    assert _client(server) == (), "by its MAC address"
    for settings in ("duid\niaid 7\n", "clientid rented\n", f"duid\ninterface {NIC}\n  iaid 7\n"):
        server.file("/etc/dhcpcd.conf", settings)
        assert _client(server) is None
    server.file("/etc/dhcpcd.conf", "duid\n")
    server.file("/etc/network/interfaces.d/card", f"iface {NIC} inet dhcp\n  client rented\n")
    assert _client(server) is None


def test_a_client_that_is_not_known_is_warned_of(tmp_path: Path) -> None:
    server = Server(tmp_path, dhcp=True)
    assert not [warning for warning in server.plan().warnings if "names itself" in warning]
    (tmp_path / f"run/dhclient.{NIC}.pid").unlink()
    server.file(f"/run/dhcpcd/{NIC}1.pid", "77\n")  # another card's
    assert [warning for warning in server.plan().warnings if "names itself" in warning] == [
        f"how {NIC} names itself to the DHCP server is not known: xenbr0 may get another address; have the server reserve one "
        f"for {MAC}, or answer with a static address"
    ]
    server.file(f"/run/udhcpc.{NIC}.pid", "77\n")
    assert _client(server) == (), "by its MAC address"
    assert not [warning for warning in server.plan().warnings if "names itself" in warning]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_lease_is_never_given_back(tmp_path: Path, system: str) -> None:
    kept = Server(tmp_path, system, dhcp=True).plan().diffs["/etc/systemd/network/00-xeninstall-30-xenbr0.network.d/kept.conf"]
    assert "+[DHCPv4]\n+SendRelease=no\n" in kept


def test_further_addresses_routes_and_ipv6(tmp_path: Path) -> None:
    server = Server(tmp_path)
    entries = [
        {"family": "inet", "local": "203.0.113.5", "prefixlen": 32, "scope": "global"},
        {"family": "inet", "local": "203.0.113.6", "prefixlen": 32, "scope": "global"},
        {"family": "inet6", "local": "2001:db8::5", "prefixlen": 64, "scope": "global"},
    ]
    routes = [
        {"dst": "default", "gateway": "203.0.113.1", "dev": NIC, "protocol": "static"},
        {"dst": "203.0.113.1", "dev": NIC, "protocol": "static", "scope": "link"},
        {"dst": "198.51.100.0/24", "gateway": "203.0.113.9", "dev": NIC, "protocol": "boot"},
        {"dst": "192.0.2.0/24", "dev": NIC, "protocol": "kernel"},
    ]
    server.link_state(NIC, entries, routes)
    kept = server.plan().diffs["/etc/systemd/network/00-xeninstall-30-xenbr0.network.d/kept.conf"]
    lines = [line[1:] for line in kept.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert lines[1:3] == ["[Network]", "Address=203.0.113.6/32"]
    assert "\n".join(lines).count("[Route]") == 3
    assert "Destination=203.0.113.1\nScope=link" in "\n".join(lines)
    assert "Destination=198.51.100.0/24\nGateway=203.0.113.9\nGatewayOnLink=yes" in "\n".join(lines)
    bridge = server.plan().diffs["/etc/systemd/network/00-xeninstall-30-xenbr0.network"]
    assert "+Address=203.0.113.5/32" in bridge and "+Address=2001:db8::5/64" in bridge


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        ("auto lo eno1\niface lo inet loopback\n", "auto lo\niface lo inet loopback\n", []),
        ("auto eno1\niface eno1 inet dhcp\n  post-up ip rule add x\niface eno1 inet6 auto\n", "\n", ["post-up ip rule add x"]),
        ("iface eno1 inet dhcp\nsource /etc/network/interfaces.d/*\n", "source /etc/network/interfaces.d/*\n", []),
        ("allow-hotplug eno10\niface eno10 inet dhcp\n", "allow-hotplug eno10\niface eno10 inet dhcp\n", []),
        ("# eno1 is ours\nauto eno1\niface eno1 inet manual\n", "# eno1 is ours\n", []),
    ],
)
def test_interfaces_without_one(before: str, after: str, dropped: list[str]) -> None:
    assert without_interface(before, "eno1") == (after, dropped)


def test_scripts_of_a_stanza_are_told(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.file(
        "/etc/network/interfaces", f"auto {NIC}\niface {NIC} inet dhcp\n  post-up ip route add 10.0.0.0/8 via 192.0.2.9\n"
    )
    assert [warning for warning in server.plan().warnings if "post-up" in warning] == [
        "/etc/network/interfaces: `post-up ip route add 10.0.0.0/8 via 192.0.2.9` is not carried over: what it sets now is, as "
        "routes of xenbr0"
    ]
